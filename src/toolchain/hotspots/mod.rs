//! Where a command spends its time, by the profilers that languages bring along or the machine has.
//!
//! Python and Node are told by their environment to watch themselves, so that any command line may
//! start them; native programs are sampled by `perf` where it is there. A profile says where to look,
//! and decides nothing.

mod native;
mod node;
mod python;

use camino::{Utf8Path, Utf8PathBuf};

use crate::process;

/// A function, and how much of the time it was running itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Hotspot {
    /// Its file as the profiler names it; native profiles name none.
    pub path: Option<Utf8PathBuf>,
    /// A line of it, counted from 1; 0 where none is known.
    pub line: u32,
    /// Its own name, without what is around it.
    pub name: String,
    /// In a unit of the profiler's.
    pub own: f64,
}

/// Watches one run of a command.
#[derive(Clone, Debug)]
pub struct Watch {
    dir: Utf8PathBuf,
    line: String,
    is_sampled: bool,
}

impl Watch {
    /// Prepares to watch a command line from a clean folder; `native` asks for samples of programs that
    /// are compiled.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn new(dir: &Utf8Path, line: &str, native: bool) -> std::io::Result<Self> {
        match fs_err::remove_dir_all(dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => fs_err::create_dir_all(dir)?,
        }
        fs_err::write(dir.join(python::FILE), python::SCRIPT)?;
        fs_err::write(dir.join(node::FILE), node::SCRIPT)?;
        Ok(Self {
            dir: dir.to_owned(),
            line: line.to_owned(),
            is_sampled: native && process::find_program(native::PROGRAM).is_some(),
        })
    }

    /// Returns the command line to run instead.
    pub fn line(&self) -> String {
        if self.is_sampled {
            native::record(&self.line, &self.dir)
        } else {
            self.line.clone()
        }
    }

    /// Returns what its environment gets beside the usual.
    pub fn environment(&self) -> [(String, String); 3] {
        [
            ("FACTORY_PROFILE", self.dir.to_string()),
            ("PYTHONPATH", self.dir.to_string()),
            (
                "NODE_OPTIONS",
                format!("--require {}", self.dir.join(node::FILE)),
            ),
        ]
        .map(|(name, value)| (name.to_owned(), value))
    }

    /// Returns the command line that prints the samples, if any were taken.
    pub fn report(&self) -> Option<String> {
        let is_there = self.dir.join(native::FILE).is_file();
        is_there.then(|| native::report(&self.dir))
    }

    /// Returns what was seen, with the profiler's name; `printed` is what the report printed.
    pub fn hotspots(&self, printed: &str) -> Vec<(&'static str, Vec<Hotspot>)> {
        let files = |extension: &str| -> Vec<String> {
            let entries = self.dir.read_dir_utf8().into_iter().flatten().flatten();
            let own = entries.filter(|it| it.path().extension() == Some(extension));
            own.filter_map(|it| fs_err::read_to_string(it.path()).ok())
                .collect()
        };
        let all = [
            (
                "cProfile",
                files("tsv")
                    .iter()
                    .flat_map(|it| python::read(it))
                    .collect(),
            ),
            (
                "the V8 profiler",
                files("json").iter().flat_map(|it| node::read(it)).collect(),
            ),
            (native::PROGRAM, native::read(printed)),
        ];
        let seen = |it: &(&str, Vec<Hotspot>)| it.1.iter().any(|it| it.own > 0.0);
        all.into_iter().filter(seen).collect()
    }
}

#[cfg(test)]
mod tests;
