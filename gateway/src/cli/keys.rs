//! `weir keys`: API keys, safely beside a running gateway.

use std::{
    io::Write,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use weir_callers::{
    CallersError,
    keys::{KeyFile, NewKey, StoredKey},
};

use super::{Config, End, Failure, duration, time::rfc3339};

/// `weir keys`.
#[derive(Subcommand)]
pub enum Keys {
    /// Make a key; it is shown once and stored as a hash
    Create(Create),
    /// List all keys, without the keys themselves
    List(List),
    /// Take a key back; running gateways refuse it within two seconds
    Revoke(Revoke),
}

/// `weir keys create`.
#[derive(Args)]
pub struct Create {
    /// What to call it
    name: String,
    /// Tenant of its callers
    #[arg(long)]
    tenant: String,
    /// Application of its callers
    #[arg(long)]
    app: Option<String>,
    /// Team of its callers
    #[arg(long)]
    team: Option<String>,
    /// How long it is good for, such as 30d; for ever when left out
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    expires: Option<Duration>,
    /// Models it may use, `*` stands for any characters; all when left out
    #[arg(long, value_name = "PATTERN", value_delimiter = ',')]
    models: Vec<String>,
    /// Endpoints it may use; all when left out
    #[arg(long, value_name = "NAME", value_delimiter = ',',
        value_parser = ["chat", "completions", "responses", "embeddings", "models"])]
    endpoints: Vec<String>,
    /// Roles of its callers; `admin` opens the admin port
    #[arg(long = "role", value_name = "ROLE", value_delimiter = ',')]
    roles: Vec<String>,
    /// Print `{"id", "key"}`
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: Config,
}

/// `weir keys list`.
#[derive(Args)]
pub struct List {
    /// Print a list of objects
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: Config,
}

/// `weir keys revoke`.
#[derive(Args)]
pub struct Revoke {
    /// Id of the key, as `weir keys list` shows it
    id: String,
    #[command(flatten)]
    config: Config,
}

impl Keys {
    /// Runs the command.
    ///
    /// # Errors
    /// When the settings or the key file can't be used, or the arguments make no key.
    pub fn run(self, out: &mut dyn Write) -> Result<End, Failure> {
        match self {
            Self::Create(create) => create.run(out),
            Self::List(list) => list.run(out),
            Self::Revoke(revoke) => revoke.run(out),
        }
    }
}

impl Create {
    fn run(self, out: &mut dyn Write) -> Result<End, Failure> {
        let file = KeyFile::open(&self.config.folders()?.data)?;
        let new = NewKey {
            name: self.name,
            tenant: self.tenant,
            team: self.team,
            app: self.app,
            expires: self.expires,
            models: self.models,
            endpoints: self.endpoints,
            roles: self.roles,
        };
        let key = file.create(&new).map_err(|error| match error {
            CallersError::NewKey { .. } => Failure::Usage(error.to_string()),
            other => Failure::Work(other.into()),
        })?;
        if self.json {
            writeln!(out, "{}", json!({"id": key.id, "key": key.secret.expose()}))?;
        } else {
            writeln!(out, "id   {}\nkey  {}\n\nThe key is shown this once.", key.id, key.secret.expose())?;
        }
        Ok(End::Fine)
    }
}

impl List {
    fn run(self, out: &mut dyn Write) -> Result<End, Failure> {
        let keys = KeyFile::open(&self.config.folders()?.data)?.list()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        if self.json {
            let keys: Vec<Value> = keys.iter().map(|key| object(key, now)).collect();
            writeln!(out, "{}", Value::from(keys))?;
        } else {
            table(out, &keys, now)?;
        }
        Ok(End::Fine)
    }
}

impl Revoke {
    fn run(self, out: &mut dyn Write) -> Result<End, Failure> {
        let key = KeyFile::open(&self.config.folders()?.data)?.revoke(&self.id)?;
        writeln!(out, "{} is revoked; running gateways refuse it within two seconds", key.id)?;
        Ok(End::Fine)
    }
}

fn object(key: &StoredKey, now: u64) -> Value {
    json!({
        "id": key.id,
        "name": key.name,
        "state": state(key, now),
        "tenant": key.tenant,
        "team": key.team,
        "app": key.app,
        "roles": key.roles,
        "models": key.models,
        "endpoints": key.endpoints,
        "created": rfc3339(key.created),
        "expires": key.expires.map(rfc3339),
        "revoked": key.revoked.map(rfc3339),
    })
}

fn table(out: &mut dyn Write, keys: &[StoredKey], now: u64) -> std::io::Result<()> {
    let head =
        ["ID", "STATE", "TENANT", "TEAM", "APP", "ROLES", "CREATED", "EXPIRES", "NAME"].map(str::to_owned);
    let none = || "-".to_owned();
    let row = |key: &StoredKey| {
        [
            key.id.clone(),
            state(key, now).to_owned(),
            key.tenant.clone(),
            key.team.clone().unwrap_or_else(none),
            key.app.clone().unwrap_or_else(none),
            if key.roles.is_empty() { none() } else { key.roles.join(",") },
            rfc3339(key.created),
            key.expires.map_or_else(none, rfc3339),
            key.name.clone(),
        ]
    };
    let rows: Vec<[String; 9]> = std::iter::once(head).chain(keys.iter().map(row)).collect();
    let mut widths = [0; 9];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    for row in &rows {
        let cells: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        writeln!(out, "{}", cells.join("  ").trim_end())?;
    }
    Ok(())
}

fn state(key: &StoredKey, now: u64) -> &'static str {
    if key.revoked.is_some() {
        "revoked"
    } else if key.expires.is_some_and(|at| at <= now) {
        "expired"
    } else {
        "active"
    }
}
