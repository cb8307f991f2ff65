//! Where settings are read: the folder their paths start from, the environment, the files they name.

use std::{
    cell::RefCell,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use weir_callers::Secret;
use weir_policies::document::Value;

use crate::settings::Environment;

/// Bytes of a secret.
const SECRET_LIMIT: u64 = 64 << 10;

/// Where settings are read.
pub(super) struct Place<'e> {
    base: PathBuf,
    env: Environment<'e>,
    touched: RefCell<Vec<PathBuf>>,
}

/// What a PEM file has to hold.
#[derive(Clone, Copy)]
pub(super) enum Pem {
    Certificate,
    PrivateKey,
}

impl<'e> Place<'e> {
    pub(super) fn new(base: PathBuf, env: Environment<'e>) -> Self {
        Self { base, env, touched: RefCell::default() }
    }

    /// The files named so far.
    pub(super) fn into_touched(self) -> Vec<PathBuf> {
        self.touched.into_inner()
    }

    /// Remembers a file or folder whose change may change the settings.
    pub(super) fn touch(&self, path: &Path) {
        self.touched.borrow_mut().push(path.to_owned());
    }

    /// A path of the settings, made absolute.
    pub(super) fn resolve(&self, text: &str) -> PathBuf {
        let path = self.base.join(text);
        std::path::absolute(&path).unwrap_or(path)
    }

    /// A path that need not lead anywhere yet.
    pub(super) fn path(&self, value: Value<'_>) -> Option<PathBuf> {
        value.text().map(|text| self.resolve(&text))
    }

    /// A file that can be read.
    pub(super) fn file(&self, value: Value<'_>) -> Option<PathBuf> {
        let path = self.path(value)?;
        self.touch(&path);
        match File::open(&path).and_then(|file| file.metadata()) {
            Ok(metadata) if metadata.is_file() => Some(path),
            Ok(_) => value.expected("a file, not a folder"),
            Err(error) => {
                value.problem(reason(&error));
                None
            }
        }
    }

    /// A PEM file.
    pub(super) fn pem(&self, value: Value<'_>, kind: Pem) -> Option<PathBuf> {
        let path = self.file(value)?;
        let text = fs::read(&path).unwrap_or_default();
        let holds = |label: &str| text.windows(label.len()).any(|window| window == label.as_bytes());
        let (fits, what) = match kind {
            Pem::Certificate => (holds("-----BEGIN CERTIFICATE-----"), "a certificate in PEM form"),
            Pem::PrivateKey => (holds("PRIVATE KEY-----"), "a private key in PEM form"),
        };
        if fits { Some(path) } else { value.expected(&format!("a file with {what}")) }
    }

    /// A folder that is there.
    pub(super) fn folder(&self, value: Value<'_>) -> Option<PathBuf> {
        let path = self.path(value)?;
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => Some(path),
            Ok(_) => value.expected("a folder"),
            Err(error) => {
                value.problem(reason(&error));
                None
            }
        }
    }

    /// A secret: `{env: NAME}` or `{file: PATH}`, never the secret itself.
    pub(super) fn secret(&self, value: Value<'_>) -> Option<Secret> {
        if !value.is_map() {
            value.problem("a secret must not stand in this file: write {env: NAME} or {file: PATH}");
            return None;
        }
        let mut map = value.map()?;
        let (env, file) = (map.get("env"), map.get("file"));
        map.finish();
        match (env, file) {
            (Some(name), None) => self.secret_of_env(name),
            (None, Some(path)) => self.secret_of_file(path),
            _ => value.expected("either `env` or `file`"),
        }
    }

    fn secret_of_env(&self, value: Value<'_>) -> Option<Secret> {
        let name = value.text()?;
        let is_name = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_name(&name) {
            return value.expected("the name of an environment variable");
        }
        match (self.env)(&name) {
            Some(text) => usable(value, &text, "the environment variable"),
            None => {
                value.problem("the environment variable is not set");
                None
            }
        }
    }

    fn secret_of_file(&self, value: Value<'_>) -> Option<Secret> {
        let path = self.file(value)?;
        let mut text = String::new();
        match File::open(&path).and_then(|file| file.take(SECRET_LIMIT).read_to_string(&mut text)) {
            Ok(_) => usable(value, &text, "the file"),
            Err(_) => value.expected("a readable file of text"),
        }
    }
}

/// Why a file can't be used, without naming it: the problem's place leads there.
pub(super) fn reason(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or folder",
        io::ErrorKind::PermissionDenied => "this user may not read it",
        _ => "it can't be read",
    }
}

/// A secret goes into a header: visible ASCII only.
fn usable(value: Value<'_>, text: &str, whose: &str) -> Option<Secret> {
    let text = text.trim();
    let fault = if text.is_empty() {
        "is empty"
    } else if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        "holds white space or other characters that no key has"
    } else {
        return Some(Secret::new(text.to_owned()));
    };
    value.problem(format!("{whose} {fault}"));
    None
}
