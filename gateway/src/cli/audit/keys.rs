//! Keys of the kept bodies, while no gateway has them open.

use std::{io::Write, path::PathBuf};

use clap::{Args, Subcommand};

use super::{
    super::{End, Failure},
    acts::ReasonArgs,
};
use crate::{archive, settings::Books};

/// What to do with the keys of bodies.
#[derive(Subcommand)]
pub enum KeysCommand {
    /// Wrap all keys under another key-encryption key, while the gateway is stopped
    Rewrap(RewrapArgs),
}

/// Under which key.
#[derive(Args)]
pub struct RewrapArgs {
    /// File of the new key-encryption key, 32 bytes; made, readable by its owner only, if it is not there
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    #[command(flatten)]
    why: ReasonArgs,
}

impl KeysCommand {
    pub(super) fn run(self, books: &Books, out: &mut dyn Write) -> Result<End, Failure> {
        let Self::Rewrap(args) = self;
        let to = std::path::absolute(&args.to)?;
        if to.starts_with(&books.audit.dir) || to.starts_with(books.audit.bodies_dir()) {
            return Err(Failure::Usage("the key must not lie inside the log or the bodies".into()));
        }
        let file = to.clone();
        let reason = args.why.reason;
        let wrapped = args.why.act.alone(books, async move |archive, person| {
            archive::rewrap(archive, person, (file, &reason)).await
        })?;
        writeln!(
            out,
            "{wrapped} tenant keys wrapped anew; now set audit.key_encryption_key to {}",
            to.display()
        )?;
        writeln!(out, "and destroy the old key once the gateway has started with the new one")?;
        Ok(End::Fine)
    }
}
