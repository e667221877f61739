//! What of a Rust library others can name: modules are followed from the crate's root, and `pub use` with
//! them, by syntax alone.
//!
//! An item is open if every module on its path is `pub`, if a `pub use` hands it on, or if an open item
//! names its type. In doubt it is: a file that no module leads to, a name in a macro, a path that ends
//! nowhere. `#[doc(hidden)]` hides from a manual and not from callers, so it changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};

use crate::syntax::{Outline, Use, outline, words};

/// Followed modules at most: a file may be included in many places, and by mistake in itself.
const MOST_MODULES: usize = 20_000;
/// Names at most on the way from one `use` to what it means.
const DEEPEST: usize = 4;

/// Returns the text of a file.
pub(super) type Read<'a> = &'a dyn Fn(&Utf8Path) -> Option<String>;

/// A library, with what of it others can name.
pub(super) struct Library {
    modules: Vec<Module>,
    files: BTreeMap<Utf8PathBuf, File>,
    /// Other names of the crate within it.
    own_names: BTreeSet<String>,
    /// All of its types and traits.
    types: BTreeSet<String>,
    /// Files that only its programs include.
    beside: BTreeSet<Utf8PathBuf>,
    open: Open,
}

/// A file of a library.
struct File {
    outline: Outline,
    /// The modules that it is, one for each place that includes it.
    roots: Vec<usize>,
}

struct Module {
    parent: Option<usize>,
    /// The modules in it: name, index, whether it is `pub`.
    children: Vec<(String, usize, bool)>,
    uses: Vec<Use>,
    /// What is `pub` in it.
    items: BTreeSet<String>,
}

/// What others can name.
#[derive(Default)]
struct Open {
    modules: BTreeSet<usize>,
    items: BTreeSet<(usize, String)>,
    /// Names that count wherever they are.
    names: BTreeSet<String>,
    /// Something hands on what cannot be followed: all counts.
    all: bool,
    /// What was handed on already: module, and the name asked of it.
    taken: BTreeSet<(usize, String)>,
}

impl Library {
    /// Reads a library from its root file, and the programs beside it.
    pub(super) fn of(root: &Utf8Path, programs: &[Utf8PathBuf], read: Read<'_>) -> Self {
        let mut library = Self::followed(root, read);
        for program in programs {
            let program = Self::followed(program, read);
            let only_there = program.files.into_keys();
            library
                .beside
                .extend(only_there.filter(|it| !library.files.contains_key(it)));
        }
        if !library.modules.is_empty() {
            library.open_module(0);
        }
        library.close_over_names();
        library
    }

    fn followed(root: &Utf8Path, read: Read<'_>) -> Self {
        let mut library = Self {
            modules: Vec::new(),
            files: BTreeMap::new(),
            own_names: BTreeSet::new(),
            types: BTreeSet::new(),
            beside: BTreeSet::new(),
            open: Open::default(),
        };
        let dir = root.parent().unwrap_or(Utf8Path::new("")).to_owned();
        let mut ahead = vec![Ahead {
            file: root.to_owned(),
            dir,
            module: library.add(None),
        }];
        while let Some(next) = ahead.pop() {
            if library.modules.len() < MOST_MODULES {
                library.include(&next, read, &mut ahead);
            }
        }
        library
    }

    fn add(&mut self, parent: Option<usize>) -> usize {
        self.modules.push(Module {
            parent,
            children: Vec::new(),
            uses: Vec::new(),
            items: BTreeSet::new(),
        });
        self.modules.len() - 1
    }

    /// Reads the file of a module, and says which files its modules are in.
    fn include(&mut self, at: &Ahead, read: Read<'_>, ahead: &mut Vec<Ahead>) {
        if self.is_within_itself(at) {
            return;
        }
        if !self.files.contains_key(&at.file) {
            let Some(text) = read(&at.file) else { return };
            let outline = outline(&text);
            self.own_names.extend(outline.own_names.iter().cloned());
            self.types.extend(outline.types.iter().cloned());
            self.open.names.extend(outline.mentioned.iter().cloned());
            let roots = Vec::new();
            self.files.insert(at.file.clone(), File { outline, roots });
        }
        let Some(file) = self.files.get_mut(&at.file) else {
            return;
        };
        file.roots.push(at.module);
        let outline = file.outline.clone();
        for module in &outline.modules {
            let parent = self.inner(at.module, &module.inside);
            let child = match self.modules[parent]
                .children
                .iter()
                .find(|it| it.0 == module.name && module.inline)
            {
                Some(known) => known.1,
                None => self.add(Some(parent)),
            };
            let named = (module.name.clone(), child, module.open);
            self.modules[parent].children.push(named);
            if module.inline {
                continue;
            }
            for (file, dir) in at.places(module) {
                if read(&file).is_some() {
                    ahead.push(Ahead {
                        file,
                        dir,
                        module: child,
                    });
                }
            }
        }
        for used in outline.uses {
            let module = self.inner(at.module, &used.inside);
            self.modules[module].uses.push(used);
        }
        for name in outline.surface.keys() {
            if let Some((module, item, _)) = self.located(at.module, name) {
                self.modules[module].items.insert(item.to_owned());
            }
        }
    }

    fn is_within_itself(&self, at: &Ahead) -> bool {
        let mut around = self.modules[at.module].parent;
        while let Some(module) = around {
            let file = self.files.get(&at.file);
            if file.is_some_and(|it| it.roots.contains(&module)) {
                return true;
            }
            around = self.modules[module].parent;
        }
        false
    }

    /// Returns the module of a file that is at an inline path in it.
    fn inner(&mut self, root: usize, inside: &[String]) -> usize {
        let mut at = root;
        for name in inside {
            let found = self.child(at, name).next();
            at = found.unwrap_or_else(|| {
                let new = self.add(Some(at));
                self.modules[at].children.push((name.clone(), new, false));
                new
            });
        }
        at
    }

    fn child(&self, module: usize, name: &str) -> impl Iterator<Item = usize> {
        let children = self.modules[module].children.iter();
        children.filter(move |it| it.0 == name).map(|it| it.1)
    }

    /// Splits the name of an item in a file: module, the item itself, and whether more follows it.
    fn located<'n>(&self, root: usize, name: &'n str) -> Option<(usize, &'n str, bool)> {
        if name.starts_with("impl ") || name.ends_with('!') || name.ends_with('*') {
            return None;
        }
        let mut at = root;
        let mut parts = name.split("::").peekable();
        loop {
            let part = parts.next()?;
            let has_more = parts.peek().is_some();
            match self.child(at, part).next() {
                Some(inner) if has_more => at = inner,
                _ => return Some((at, part.split('#').next().unwrap_or(part), has_more)),
            }
        }
    }
}

/// A file that is to be read, for a module.
struct Ahead {
    file: Utf8PathBuf,
    /// Where the files of its modules are.
    dir: Utf8PathBuf,
    module: usize,
}

impl Ahead {
    /// Returns where the file of a module may be, each with where those of its own modules are.
    fn places(&self, module: &crate::syntax::Module) -> Vec<(Utf8PathBuf, Utf8PathBuf)> {
        let mut dir = self.dir.clone();
        dir.extend(&module.inside);
        let base = match module.inside.as_slice() {
            [] => self.file.parent().unwrap_or(Utf8Path::new("")),
            _ => dir.as_path(),
        };
        let named = module.paths.iter().map(|it| {
            let file = normal(&base.join(it));
            let dir = file.parent().unwrap_or(Utf8Path::new("")).to_owned();
            (file, dir)
        });
        let mut places: Vec<(Utf8PathBuf, Utf8PathBuf)> = named.collect();
        if !module.only_paths {
            let own = dir.join(&module.name);
            places.push((dir.join(format!("{}.rs", module.name)), own.clone()));
            places.push((own.join("mod.rs"), own));
        }
        places
    }
}

/// Returns a path without `.` and `..`.
fn normal(path: &Utf8Path) -> Utf8PathBuf {
    let mut normal = Utf8PathBuf::new();
    for part in path.components() {
        match part.as_str() {
            "." => {}
            ".." => {
                normal.pop();
            }
            part => normal.push(part),
        }
    }
    normal
}

/// Following what is handed on.
impl Library {
    fn open_module(&mut self, module: usize) {
        let mut ahead = vec![module];
        while let Some(module) = ahead.pop() {
            if !self.open.modules.insert(module) {
                continue;
            }
            let children = self.modules[module].children.iter();
            ahead.extend(children.filter(|it| it.2).map(|it| it.1));
            let uses = self.modules[module].uses.clone();
            for used in uses.iter().filter(|it| it.open) {
                self.hand_on(module, used, &mut ahead);
            }
        }
    }

    /// Opens what a `use` in a module means.
    fn hand_on(&mut self, module: usize, used: &Use, ahead: &mut Vec<usize>) {
        let is_local = |it: &Self| {
            let first = used.path.first().map_or("", String::as_str);
            matches!(first, "crate" | "$crate" | "self" | "super") || it.own_names.contains(first)
        };
        let Some(last) = used.path.last().cloned() else {
            return;
        };
        if used.name.is_none() {
            let found = self.resolved(module, &used.path, DEEPEST);
            if !found.is_empty() {
                ahead.extend(found);
            } else if self.types.contains(&last) {
                self.open.names.insert(last);
            } else if is_local(self) {
                self.open.all = true;
            }
            return;
        }
        let front = &used.path[..used.path.len() - 1];
        let within = match front {
            // Before 2018 a path began at the root.
            [] => vec![module, 0],
            _ => self.resolved(module, front, DEEPEST),
        };
        if within.is_empty() {
            // Variants of an enum, for instance.
            let of_type = front.last().filter(|it| self.types.contains(*it)).cloned();
            self.open.names.extend(of_type);
            if is_local(self) || self.types.contains(&last) {
                self.open.names.insert(last);
            }
            return;
        }
        let mut found = false;
        for module in &within {
            found |= self.take(*module, &last, ahead);
        }
        if !found && !within.is_empty() {
            self.open.names.insert(last);
        }
    }

    /// Opens what a module has of that name; returns whether there is any.
    fn take(&mut self, module: usize, name: &str, ahead: &mut Vec<usize>) -> bool {
        if !self.open.taken.insert((module, name.to_owned())) {
            return true;
        }
        let before = ahead.len();
        ahead.extend(self.child(module, name));
        let mut found = ahead.len() > before;
        if self.modules[module].items.contains(name) {
            self.open.items.insert((module, name.to_owned()));
            found = true;
        }
        let uses = self.modules[module].uses.clone();
        for used in &uses {
            if used.name.as_deref() == Some(name) {
                self.hand_on(module, used, ahead);
                found = true;
            } else if used.name.is_none() {
                for other in self.resolved(module, &used.path, DEEPEST) {
                    found |= self.take(other, name, ahead);
                }
            }
        }
        found
    }

    /// Returns the modules that a path in a module means.
    fn resolved(&self, module: usize, path: &[String], depth: usize) -> Vec<usize> {
        let mut at = vec![module];
        for (idx, name) in path.iter().enumerate() {
            at = match name.as_str() {
                "crate" | "$crate" => vec![0],
                "self" => at,
                "super" => at
                    .iter()
                    .filter_map(|it| self.modules[*it].parent)
                    .collect(),
                name if idx == 0 && self.own_names.contains(name) => vec![0],
                name => {
                    let found = at.iter().flat_map(|it| self.inside(*it, name, depth));
                    let found: Vec<usize> = found.collect();
                    if found.is_empty() && idx == 0 {
                        self.child(0, name).collect()
                    } else {
                        found
                    }
                }
            };
            at.sort_unstable();
            at.dedup();
        }
        at
    }

    /// Returns the modules that a module knows by a name: its own, and those that it uses.
    fn inside(&self, module: usize, name: &str, depth: usize) -> Vec<usize> {
        let mut found: Vec<usize> = self.child(module, name).collect();
        let Some(depth) = depth.checked_sub(1).filter(|_| found.is_empty()) else {
            return found;
        };
        for used in &self.modules[module].uses {
            if used.name.as_deref() == Some(name) && used.path.first().is_some_and(|it| it != name)
            {
                found.extend(self.resolved(module, &used.path, depth));
            } else if used.name.is_none() && used.path.first().is_some_and(|it| it != name) {
                let through = self.resolved(module, &used.path, depth);
                found.extend(through.iter().flat_map(|it| self.child(*it, name)));
            }
        }
        found
    }

    /// What an open item names can be reached through it, wherever it is.
    fn close_over_names(&mut self) {
        loop {
            let mut named = BTreeSet::new();
            for (path, file) in &self.files {
                for (name, signature) in &file.outline.surface {
                    if self.is_open(path, name) {
                        let text = [name.as_str(), signature];
                        let words = text.into_iter().flat_map(words);
                        let types = words.filter(|it| self.types.contains(*it));
                        named.extend(types.map(str::to_owned));
                    }
                }
            }
            let before = self.open.names.len();
            self.open.names.extend(named);
            if self.open.names.len() == before {
                return;
            }
        }
    }

    /// Returns whether others can use an item of a file; the name is one of its surface.
    pub(super) fn is_open(&self, path: &Utf8Path, name: &str) -> bool {
        if self.beside.contains(path) {
            return false;
        }
        let Some(file) = self.files.get(path) else {
            return true;
        };
        self.open.all || file.roots.iter().any(|it| self.is_open_in(*it, name))
    }

    fn is_open_in(&self, root: usize, name: &str) -> bool {
        let is_named = |it: &str| self.open.names.contains(it) || !self.types.contains(it);
        if let Some(implemented) = name.strip_prefix("impl ") {
            let (of, ty) = implemented.split_once(" for ").unwrap_or(("", implemented));
            let of = of.split('<').next().unwrap_or(of);
            return is_named(last_part(of)) && is_named(last_part(ty));
        }
        if name.ends_with('!') {
            return true;
        }
        let Some((module, item, has_more)) = self.located(root, name) else {
            // A glob is told with its path, which may begin with a module of the same file.
            return self.open.modules.contains(&root)
                || self
                    .children_of(root)
                    .any(|it| self.open.modules.contains(&it));
        };
        if has_more {
            return is_named(item);
        }
        self.open.modules.contains(&module)
            || self.open.items.contains(&(module, item.to_owned()))
            || self.open.names.contains(item)
            || self
                .child(module, item)
                .any(|it| self.open.modules.contains(&it))
    }

    fn children_of(&self, module: usize) -> impl Iterator<Item = usize> {
        self.modules[module].children.iter().map(|it| it.1)
    }
}

fn last_part(path: &str) -> &str {
    let path = path.split('#').next().unwrap_or(path);
    path.rsplit("::").next().unwrap_or(path)
}

#[cfg(test)]
mod tests;
