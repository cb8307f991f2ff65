//! Reading `weir.yaml`: every problem at once, with its place.

mod audit;
mod auth;
mod limits;
mod place;
mod routes;
mod sinks;
mod top;
mod upstreams;

#[cfg(test)]
mod tests;

use std::{
    fs,
    path::{Path, PathBuf},
};

use place::Place;
use weir_callers::Secret;
use weir_policies::document::{self, Problem};

use super::{AuditSettings, Books, DEFAULT_FILE, Environment, Folders, Settings};

/// What stands in for a file when there is none.
const DEFAULT_TEXT: &str = "weir: v1\n";
/// How that is called in problems.
const DEFAULT_NAME: &str = "embedded default";
/// Bytes of a settings file.
const FILE_LIMIT: u64 = 4 << 20;
/// A shorter admin key could be guessed.
const ADMIN_KEY_MINIMUM: usize = 16;

/// The settings, or all problems; and every file that has a say in them, whether it is there or not.
pub(super) fn load(
    path: Option<&Path>,
    env: Environment<'_>,
) -> (Result<Settings, Vec<Problem>>, Vec<PathBuf>) {
    let source = match Source::find(path, env) {
        Ok(source) => source,
        Err(problem) => return (Err(vec![problem]), Vec::new()),
    };
    let place = Place::new(source.base.clone(), env);
    let text = match source.text() {
        Ok(text) => text,
        Err(problem) => return (Err(vec![problem]), source.path.into_iter().collect()),
    };
    let read = document::read(&source.name, &text, |value| top::settings(value, &place));
    let result = finish(read, &source, env);
    let files = source.path.into_iter().chain(place.into_touched()).collect();
    (result, files)
}

/// As `super::folders`.
pub(super) fn folders(path: Option<&Path>, env: Environment<'_>) -> Result<Folders, Vec<Problem>> {
    let source = Source::find(path, env).map_err(|problem| vec![problem])?;
    let text = source.text().map_err(|problem| vec![problem])?;
    let place = Place::new(source.base.clone(), env);
    let read = document::read(&source.name, &text, |value| top::folders(value, &place))?;
    Ok(match override_of("WEIR_DATA_DIR", env).and_then(absolute) {
        Some(data) => read.moved(data),
        None => read,
    })
}

/// As `super::books`.
pub(super) fn books(path: Option<&Path>, env: Environment<'_>) -> Result<Books, Vec<Problem>> {
    let source = Source::find(path, env).map_err(|problem| vec![problem])?;
    let text = source.text().map_err(|problem| vec![problem])?;
    let place = Place::new(source.base.clone(), env);
    let mut books = document::read(&source.name, &text, |value| top::books(value, &place))?;
    if let Some(data) = override_of("WEIR_DATA_DIR", env).and_then(absolute) {
        books.moved(data);
    }
    if let Some(address) = override_of("WEIR_ADMIN_ADDR", env).and_then(|text| top::address(&text)) {
        books.admin = address;
    }
    Ok(books)
}

impl Books {
    /// Moves the data folder, and with it what lies inside.
    pub fn moved(&mut self, data: PathBuf) {
        self.audit.follow(&self.data, &data);
        self.data = data;
    }
}

impl AuditSettings {
    /// Moves what lies inside the data folder `from` to the same place in `to`.
    fn follow(&mut self, from: &Path, to: &Path) {
        let kept = [&mut self.pseudonyms.file, &mut self.pseudonyms.secret_dir];
        let places = [&mut self.dir, &mut self.keys].into_iter().chain(&mut self.kek).chain(kept);
        for place in places {
            if let Ok(inside) = place.strip_prefix(from) {
                *place = to.join(inside);
            }
        }
    }
}

/// Where the settings are.
struct Source {
    path: Option<PathBuf>,
    /// What problems call it.
    name: String,
    /// Folder against which its paths are meant.
    base: PathBuf,
}

impl Source {
    fn find(path: Option<&Path>, env: Environment<'_>) -> Result<Self, Problem> {
        let named =
            path.map(Path::to_path_buf).or_else(|| override_of("WEIR_CONFIG", env).map(PathBuf::from));
        let path = named.or_else(|| Some(PathBuf::from(DEFAULT_FILE)).filter(|path| path.exists()));
        let name = path.as_ref().map_or(DEFAULT_NAME.to_owned(), |path| path.display().to_string());
        let here = || Problem::of_file(&name, "the current folder can't be found");
        let path = path.map(std::path::absolute).transpose().map_err(|_| here())?;
        let base = match path.as_deref().and_then(Path::parent) {
            Some(folder) => folder.to_path_buf(),
            None => std::env::current_dir().map_err(|_| here())?,
        };
        Ok(Self { path, name, base })
    }

    fn text(&self) -> Result<String, Problem> {
        let Some(path) = &self.path else { return Ok(DEFAULT_TEXT.to_owned()) };
        let fault = |message| Problem::of_file(&self.name, message);
        let length = fs::metadata(path).map_err(|error| fault(place::reason(&error)))?.len();
        if length > FILE_LIMIT {
            return Err(fault("the file is larger than 4 MiB"));
        }
        let bytes = fs::read(path).map_err(|error| fault(place::reason(&error)))?;
        String::from_utf8(bytes).map_err(|_| fault("the file is not UTF-8"))
    }
}

/// Applies what the environment overrides.
fn finish(
    read: Result<Settings, Vec<Problem>>,
    source: &Source,
    env: Environment<'_>,
) -> Result<Settings, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut address = |name: &'static str| {
        let text = override_of(name, env)?;
        let address = top::address(&text);
        if address.is_none() {
            problems.push(Problem::of_file(name, "expected an address with a port, such as 127.0.0.1:8080"));
        }
        address
    };
    let (traffic, admin) = (address("WEIR_TRAFFIC_ADDR"), address("WEIR_ADMIN_ADDR"));
    let admin_key = override_of("WEIR_ADMIN_KEY", env).map(Secret::new);
    if admin_key.as_ref().is_some_and(|key| key.expose().len() < ADMIN_KEY_MINIMUM) {
        problems.push(Problem::of_file("WEIR_ADMIN_KEY", "expected at least 16 characters"));
    }
    let settings = match read {
        Ok(settings) if problems.is_empty() => settings,
        Ok(_) => return Err(problems),
        Err(found) => return Err(found.into_iter().chain(problems).collect()),
    };
    let mut settings = Settings { file: source.path.clone(), admin_key, ..settings };
    settings.listen.traffic = traffic.unwrap_or(settings.listen.traffic);
    settings.listen.admin = admin.unwrap_or(settings.listen.admin);
    if let Some(data_dir) = override_of("WEIR_DATA_DIR", env).and_then(absolute) {
        settings.audit.follow(&settings.data_dir, &data_dir);
        settings.data_dir = data_dir;
    }
    if settings.listen.traffic == settings.listen.admin {
        return Err(vec![Problem::of_file(&source.name, "traffic and admin need different addresses")]);
    }
    Ok(settings)
}

impl Folders {
    /// Moves the data folder, and the audit log with it when that lies inside.
    fn moved(self, data: PathBuf) -> Self {
        let inside = self.audit.strip_prefix(&self.data).map(|inside| data.join(inside));
        Self { audit: inside.unwrap_or(self.audit), data }
    }
}

/// A variable that is set and not empty.
fn override_of(name: &str, env: Environment<'_>) -> Option<String> {
    env(name).filter(|value| !value.trim().is_empty())
}

fn absolute(path: String) -> Option<PathBuf> {
    std::path::absolute(path).ok()
}
