//! The wall clock of a gateway under test, which the test sets forward and back while it runs.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::config::Config;

/// A clock that starts with the machine's and can be moved against it.
pub struct Clock {
    dir: TempDir,
}

impl Clock {
    /// Builds what stands between the gateway and the system's clock; none, said aloud, where there is no C compiler.
    #[must_use]
    pub fn new() -> Option<Self> {
        let clock = Self { dir: tempfile::tempdir().unwrap() };
        let source = clock.dir.path().join("clock.c");
        std::fs::write(&source, include_str!("clock.c")).unwrap();
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([clock.library(), source])
            .output();
        match built {
            Ok(built) if built.status.success() => {
                clock.set(0);
                Some(clock)
            }
            _ => {
                println!("skipped: no C compiler to build a clock with");
                None
            }
        }
    }

    /// Gives a gateway this clock.
    #[must_use]
    pub fn of(&self, config: Config) -> Config {
        config
            .environment("LD_PRELOAD", &self.library().display().to_string())
            .environment("WEIR_TEST_CLOCK", &self.dir.path().join("moved").display().to_string())
    }

    /// Moves the clock: so many seconds before or behind the machine's.
    ///
    /// # Panics
    /// When its file can't be written.
    pub fn set(&self, seconds: i64) {
        use std::os::unix::fs::FileExt as _;
        let path = self.dir.path().join("moved");
        let file = std::fs::OpenOptions::new().create(true).truncate(false).write(true).open(path).unwrap();
        file.write_all_at(&seconds.to_ne_bytes(), 0).unwrap();
    }

    fn library(&self) -> PathBuf {
        self.dir.path().join("clock.so")
    }
}
