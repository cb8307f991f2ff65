//! Hot reload: notices changed files, reads the settings again, and says what only a restart brings.

use std::{collections::BTreeMap, future, path::PathBuf, time::Duration};

use tokio::time::{self, MissedTickBehavior};
use weir_callers::FileStamp;

use super::{Engine, Environment, Problem, Settings, Upstream, read, system_environment};

/// Between two looks. A change counts when two looks in a row see the same files, so within two of these.
const LOOK: Duration = Duration::from_secs(1);

/// What a change of files came to.
pub struct Changed {
    /// The new settings, or why there are none; then the old ones stay in force.
    pub settings: Result<Settings, Vec<Problem>>,
    /// Keys whose new value counts only after a restart.
    pub needs_restart: Vec<&'static str>,
}

/// Watches the files behind the running settings for ever: the file itself, policies and the folders they
/// are picked from, prices, and files of secrets, certificates and key sets. (The API keys watch themselves:
/// `weir_callers::Callers::watch`.)
pub async fn run(running: &Settings, mut changed: impl FnMut(Changed)) {
    let Some(mut watcher) = Watcher::new(running, &system_environment) else {
        return future::pending().await;
    };
    let mut ticks = time::interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Some(change) = watcher.look() {
            changed(change);
        }
    }
}

type Stamps = BTreeMap<PathBuf, Option<FileStamp>>;

/// The state between two looks.
struct Watcher<'e> {
    file: PathBuf,
    env: Environment<'e>,
    running: Settings,
    /// Of what was read last.
    loaded: Stamps,
    /// Settings read last, when they were good.
    settings: Option<Settings>,
    /// A change seen by one look only: somebody may still be writing.
    settling: Option<Stamps>,
}

impl<'e> Watcher<'e> {
    /// None when the settings come from no file: then nothing can change.
    fn new(running: &Settings, env: Environment<'e>) -> Option<Self> {
        let file = running.file.clone()?;
        let (result, files) = read::load(Some(&file), env);
        let loaded = stamps(files);
        Some(Self { file, env, running: running.clone(), loaded, settings: result.ok(), settling: None })
    }

    fn look(&mut self) -> Option<Changed> {
        let now = stamps(self.loaded.keys().cloned());
        if now == self.loaded {
            self.settling = None;
            return None;
        }
        if self.settling.as_ref() != Some(&now) {
            self.settling = Some(now);
            return None;
        }
        self.settling = None;
        self.reload(now)
    }

    fn reload(&mut self, now: Stamps) -> Option<Changed> {
        let (result, files) = read::load(Some(&self.file), self.env);
        // Known files keep the stamp from before the reading: what changed meanwhile is seen by the next look.
        let stamp = |path: PathBuf| {
            let stamp = now.get(&path).copied().unwrap_or_else(|| FileStamp::of(&path).ok().flatten());
            (path, stamp)
        };
        let loaded: Stamps = files.into_iter().map(stamp).collect();
        let has_new_content = content(&loaded) != content(&self.loaded);
        self.loaded = loaded;
        let same = result.as_ref().is_ok_and(|new| self.settings.as_ref() == Some(new));
        if same && !has_new_content {
            // A folder changed, but none of the files we take from it.
            return None;
        }
        self.settings = result.as_ref().ok().cloned();
        let needs_restart = result.as_ref().map(|new| needs_restart(&self.running, new)).unwrap_or_default();
        Some(Changed { settings: result, needs_restart })
    }
}

/// Keys whose difference counts only after a restart. All else (auth, routes, upstreams but for the embedded
/// engine, policies, prices, carbon) can be put in force while running.
fn needs_restart(running: &Settings, new: &Settings) -> Vec<&'static str> {
    let differences = [
        ("data_dir", running.data_dir != new.data_dir),
        ("listen", running.listen != new.listen),
        ("workers", running.workers != new.workers),
        ("limits", running.limits != new.limits),
        ("shutdown", running.grace != new.grace),
        ("headers", running.headers != new.headers),
        ("audit", running.audit != new.audit),
        ("upstreams (embedded engine)", !embedded(running).eq(embedded(new))),
    ];
    differences.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key).collect()
}

fn embedded(settings: &Settings) -> impl Iterator<Item = &Engine> {
    let is_embedded = |upstream: &&Upstream| matches!(upstream.engine, Engine::Embedded(_));
    settings.upstreams.iter().filter(is_embedded).map(|upstream| &upstream.engine)
}

fn stamps(files: impl IntoIterator<Item = PathBuf>) -> Stamps {
    let stamp = |path: PathBuf| {
        let stamp = FileStamp::of(&path).ok().flatten();
        (path, stamp)
    };
    files.into_iter().map(stamp).collect()
}

/// The stamps of files, without those of folders.
fn content(stamps: &Stamps) -> Vec<(&PathBuf, &Option<FileStamp>)> {
    stamps.iter().filter(|(path, _)| !path.is_dir()).collect()
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use tempfile::TempDir;

    use super::{Changed, Watcher};
    use crate::settings::Settings;

    const BASE: &str = "weir: v1\nupstreams: [{name: a, url: 'http://127.0.0.1:9/v1'}]\nroutes: [{models: m, upstreams: a}]\n";

    fn write(folder: &Path, name: &str, text: &str) {
        // As editors do it: a new file put in the place of the old one.
        let fresh = folder.join(format!(".{name}.new"));
        fs::write(&fresh, text).unwrap();
        fs::rename(fresh, folder.join(name)).unwrap();
    }

    fn summary(change: Option<Changed>) -> Option<(Result<usize, usize>, Vec<&'static str>)> {
        let Changed { settings, needs_restart } = change?;
        Some((settings.map(|new| new.routes.len()).map_err(|problems| problems.len()), needs_restart))
    }

    #[test]
    fn changes_are_noticed_once_they_have_settled() {
        let folder = TempDir::new().unwrap();
        let at = folder.path();
        fs::create_dir(at.join("policies")).unwrap();
        write(&at.join("policies"), "a.yaml", "a");
        write(at, "weir.yaml", &format!("{BASE}policies: [policies/*.yaml]\n"));
        let env = |_: &str| None;
        let running = Settings::load(Some(&at.join("weir.yaml")), &env).ok().unwrap();
        let mut watcher = Watcher::new(&running, &env).unwrap();
        let mut look_twice = |write: &dyn Fn()| {
            write();
            assert!(watcher.look().is_none(), "not settled yet");
            let found = summary(watcher.look());
            assert!(watcher.look().is_none(), "told once");
            found
        };
        let same = || Some((Ok(1), Vec::new()));

        assert_eq!(look_twice(&|| {}), None);
        assert_eq!(look_twice(&|| write(&at.join("policies"), "a.yaml", "b")), same(), "policy rewritten");
        assert_eq!(look_twice(&|| write(&at.join("policies"), "b.yaml", "b")), same(), "policy added");
        assert_eq!(look_twice(&|| write(&at.join("policies"), "notes.txt", "b")), None, "not a policy");
        assert_eq!(look_twice(&|| fs::remove_file(at.join("policies/a.yaml")).unwrap()), same());

        let two = BASE.replace("routes: [", "routes: [{models: n, upstreams: a}, ");
        assert_eq!(look_twice(&|| write(at, "weir.yaml", &two)), Some((Ok(2), Vec::new())));
        let restart = format!("{BASE}workers: 1000\nlisten: {{traffic: '127.0.0.1:9999'}}\n");
        assert_eq!(
            look_twice(&|| write(at, "weir.yaml", &restart)),
            Some((Ok(1), vec!["listen", "workers"]))
        );
        assert_eq!(
            look_twice(&|| write(at, "weir.yaml", "weir: v2\nrouts: []\n")),
            Some((Err(3), Vec::new()))
        );
        assert_eq!(
            look_twice(&|| fs::remove_file(at.join("weir.yaml")).unwrap()),
            Some((Err(1), Vec::new()))
        );
        assert_eq!(look_twice(&|| write(at, "weir.yaml", BASE)), same());
    }

    #[test]
    fn a_file_that_was_missing_is_waited_for() {
        let folder = TempDir::new().unwrap();
        let at = folder.path();
        write(at, "weir.yaml", BASE);
        let env = |_: &str| None;
        let running = Settings::load(Some(&at.join("weir.yaml")), &env).ok().unwrap();
        let mut watcher = Watcher::new(&running, &env).unwrap();
        write(at, "weir.yaml", &format!("{BASE}policies: [later.yaml]\n"));
        let found = (watcher.look().is_none(), summary(watcher.look()));
        assert_eq!(found, (true, Some((Err(1), Vec::new()))));
        write(at, "later.yaml", "a");
        let found = (watcher.look().is_none(), summary(watcher.look()));
        assert_eq!(found, (true, Some((Ok(1), Vec::new()))));
    }
}
