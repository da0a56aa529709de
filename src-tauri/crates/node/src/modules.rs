//! Modules by name: the samples that ship with Skep, and those that a person
//! pushed.

use crate::library::Library;
use crate::limits::MODULES_SEEN;
use crate::run::Run;
use crate::stored::{unread, unreadable};
use crate::views;
use api::{Error, ErrorCode, ModuleRef, ModuleView, Reply};
use bytes::Bytes;
use pool::{Coordinator, Digest, Measured};
use sandbox::inspect::{Card, inspect, to_binary};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use store::{Blobs, GetError, NameRow, Reader};

/// What a sample's name begins with.
const SAMPLE: &str = "sample:";
/// Shortest beginning of a hash that names a module, in hex digits: shorter
/// ones are more likely a typing error.
const HASH_PREFIX_MIN: usize = 4;

/// A module, found.
#[derive(Clone, Debug)]
pub(crate) struct Module {
    /// Of the binary.
    pub(crate) digest: Digest,
    pub(crate) card: Arc<Card>,
    /// Binary; where it is stored, it may still have to be read.
    bytes: Option<Bytes>,
    /// It lies in the blob folder already, in this form.
    pub(crate) stored: bool,
}

/// Modules that were looked at lately: the same module is often run again, and
/// validating a large one takes longer than a short job.
#[derive(Debug, Default)]
pub(crate) struct Seen(Mutex<VecDeque<(Digest, Module)>>);

/// Finds the module that is meant, and looks at it.
pub(crate) async fn find(
    module: &ModuleRef,
    library: &Library,
    blobs: &Blobs,
) -> Result<Module, Error> {
    let (source, sample) = match module {
        ModuleRef::Blob { blob } => (digest(blob)?, None),
        ModuleRef::Name { name } => match name.strip_prefix(SAMPLE) {
            Some(name) => {
                let sample = self::sample(name)?;
                (Digest(sample.hash), Some(Bytes::from_static(sample.bytes)))
            }
            None => (by_name(name, library).await?, None),
        },
    };
    if let Some(seen) = library.seen().of(&source)
        && blobs.length(&seen.digest.0).is_ok()
    {
        return Ok(seen);
    }
    let (bytes, stored) = match sample {
        Some(bytes) => (bytes, false),
        None => (get(blobs, &source).await?, true),
    };
    // Validating a large module takes a while, and others want to be answered.
    let look = move || look_at(bytes, stored);
    let module = tokio::task::spawn_blocking(look)
        .await
        .map_err(|error| Error::new(ErrorCode::Internal, error.to_string()))?;
    library.seen().put(source, &module);
    Ok(module)
}

impl Module {
    /// The binary.
    pub(crate) async fn bytes(&self, blobs: &Blobs) -> Result<Bytes, Error> {
        match &self.bytes {
            Some(bytes) => Ok(bytes.clone()),
            None => get(blobs, &self.digest).await,
        }
    }
}

impl Seen {
    fn of(&self, source: &Digest) -> Option<Module> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = seen.iter().find(|(other, _)| other == source);
        found.map(|(_, module)| module.clone())
    }

    fn put(&self, source: Digest, module: &Module) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|(other, _)| *other != source);
        // What is remembered counts only while it is stored.
        let module = Module {
            bytes: None,
            stored: true,
            ..module.clone()
        };
        seen.push_front((source, module));
        seen.truncate(MODULES_SEEN);
    }
}

/// `stored` says that these bytes lie in the blob folder.
pub(crate) fn look_at(bytes: Bytes, stored: bool) -> Module {
    let card = inspect(&bytes);
    // One that cannot become binary has a card that says so.
    let binary = to_binary(bytes.clone()).unwrap_or_else(|_| bytes.clone());
    let digest = Digest(*blake3::hash(&binary).as_bytes());
    Module {
        stored: stored && binary == bytes,
        bytes: Some(binary),
        digest,
        card: Arc::new(card),
    }
}

/// Answers Inspect: what a module is.
pub(crate) async fn card(
    module: &ModuleRef,
    library: &Library,
    blobs: &Blobs,
) -> Result<Reply, Error> {
    let module = find(module, library, blobs).await?;
    let known_as = known_as(&module.digest, library.reader()).await?;
    Ok(Reply::Card(Box::new(views::card(&module, known_as))))
}

/// The name under which these bytes are known.
pub(crate) async fn known_as(digest: &Digest, reader: &Reader) -> Result<Option<String>, Error> {
    if let Some(kernel) = bundle::kernels()
        .iter()
        .find(|kernel| kernel.hash == digest.0)
    {
        return Ok(Some(format!("{SAMPLE}{}", kernel.name)));
    }
    let names = reader.names().await.map_err(|error| unread(&error))?;
    Ok(names
        .into_iter()
        .find(|row| row.digest == digest.0)
        .map(|row| row.name))
}

/// The modules that ship with Skep.
pub(crate) fn samples() -> Vec<ModuleView> {
    let view = |kernel: &bundle::Kernel| ModuleView {
        name: format!("{SAMPLE}{}", kernel.name),
        hash: Digest(kernel.hash).to_string(),
        bytes: kernel.bytes.len() as u64,
        origin: "sample".to_owned(),
        pushed_ms: None,
        ..described(&inspect(kernel.bytes))
    };
    bundle::kernels().iter().map(view).collect()
}

/// What a sample is; any other name is unknown.
pub(crate) fn inspect_sample(name: &str) -> Result<api::Card, Error> {
    let kernel = match name.strip_prefix(SAMPLE) {
        Some(name) => sample(name)?,
        None => return Err(no_such(name)),
    };
    Ok(views::card(
        &look_at(Bytes::from_static(kernel.bytes), false),
        Some(name.to_owned()),
    ))
}

/// Samples first, then names in their order, then what was run without a name,
/// newest first.
pub(crate) async fn list(library: &Library, blobs: &Blobs) -> Result<Vec<ModuleView>, Error> {
    let mut uses = library.look(uses).await?;
    let mut modules = samples();
    for row in library
        .reader()
        .names()
        .await
        .map_err(|error| unread(&error))?
    {
        modules.push(view(row, library, blobs).await);
    }
    for module in &mut modules {
        if let Some(used) = uses.iter().find(|used| used.module == module.hash) {
            used.tell(module);
        }
    }
    uses.retain(|used| modules.iter().all(|module| module.hash != used.module));
    for used in uses {
        let described = match find(&used.reference(), library, blobs).await {
            Ok(module) => ModuleView {
                bytes: module.card.bytes,
                ..described(&module.card)
            },
            Err(error) => unknown(error.message),
        };
        let mut module = ModuleView {
            name: used.name.clone(),
            hash: used.module.clone(),
            origin: "run".to_owned(),
            ..described
        };
        used.tell(&mut module);
        modules.push(module);
    }
    Ok(modules)
}

/// What the jobs that are remembered say of their module.
#[derive(Debug)]
struct Used {
    /// Its hash.
    module: String,
    /// What the newest of them calls it.
    name: String,
    runs: u32,
    last_run_ms: i64,
    measured: Vec<Measured>,
}

impl Used {
    fn reference(&self) -> ModuleRef {
        ModuleRef::Blob {
            blob: self.module.clone(),
        }
    }

    fn tell(&self, module: &mut ModuleView) {
        module.runs = self.runs;
        module.last_run_ms = Some(self.last_run_ms);
        module.task_ms = views::task_ms(&self.measured);
    }
}

/// By their newest job, newest first.
fn uses(rules: &Coordinator) -> Vec<Used> {
    let mut uses: Vec<Used> = Vec::new();
    let mut places: HashMap<Digest, usize> = HashMap::new();
    for job in rules.jobs() {
        let at = *places.entry(job.spec.module).or_insert_with(|| {
            uses.push(Used {
                module: job.spec.module.to_string(),
                name: Run::read(&job.spec.run)
                    .map_or_else(|_| job.name.clone(), |run| run.shown.module_name),
                runs: 0,
                last_run_ms: job.accepted_wall_ms,
                measured: Vec::new(),
            });
            uses.len() - 1
        });
        uses[at].runs += 1;
        uses[at].measured.extend(job.measured);
    }
    uses
}

/// What the bytes themselves say.
fn described(card: &Card) -> ModuleView {
    ModuleView {
        kind: Some(views::module_kind(card)),
        ..unknown(views::module_title(card))
    }
}

fn unknown(title: String) -> ModuleView {
    ModuleView {
        name: String::new(),
        hash: String::new(),
        bytes: 0,
        origin: String::new(),
        pushed_ms: None,
        title,
        kind: None,
        runs: 0,
        last_run_ms: None,
        task_ms: None,
    }
}

/// A named module as it is listed; a damaged one says so in place of its title.
pub(crate) async fn view(row: NameRow, library: &Library, blobs: &Blobs) -> ModuleView {
    let hash = Digest(row.digest).to_string();
    let module = ModuleRef::Blob { blob: hash.clone() };
    let described = match find(&module, library, blobs).await {
        Ok(module) => described(&module.card),
        Err(error) => unknown(error.message),
    };
    ModuleView {
        name: row.name,
        hash,
        bytes: row.bytes,
        origin: "pushed".to_owned(),
        pushed_ms: Some(row.wall_ms),
        ..described
    }
}

/// # Errors
/// When this is not the hex of a BLAKE3 hash.
pub(crate) fn digest(hex: &str) -> Result<Digest, Error> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE
        .decode(hex.as_bytes())
        .ok()
        .and_then(|bytes| bytes.try_into().ok());
    bytes.map(Digest).ok_or_else(|| {
        Error::new(
            ErrorCode::Usage,
            format!("{hex:?} is not the name of a blob"),
        )
    })
}

/// # Errors
/// When a module cannot be called this.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let long = name.len() > crate::limits::NAME_BYTES_MAX;
    if name.is_empty() || long || !name.chars().all(fine) || name.starts_with(['-', '.']) {
        return Err(Error::new(
            ErrorCode::Usage,
            format!("a module cannot be called {name:?}"),
        )
        .hint("use letters, digits, - _ and ., beginning with a letter or digit"));
    }
    Ok(())
}

pub(crate) fn no_such(name: &str) -> Error {
    Error::new(
        ErrorCode::NoSuchModule,
        format!("there is no module {name:?}: neither a file nor a known name"),
    )
    .hint("skep module ls lists the names")
}

fn sample(name: &str) -> Result<&'static bundle::Kernel, Error> {
    if let Some(kernel) = bundle::kernel(name) {
        return Ok(kernel);
    }
    let names: Vec<String> = bundle::kernels()
        .iter()
        .map(|kernel| format!("{SAMPLE}{}", kernel.name))
        .collect();
    let error = Error::new(
        ErrorCode::NoSuchModule,
        format!("there is no sample {name:?}"),
    );
    Err(if names.is_empty() {
        error.hint("this build has no samples: cargo xtask kernels makes them, then build again")
    } else {
        error.hint(format!("there is {}", names.join(", ")))
    })
}

async fn by_name(name: &str, library: &Library) -> Result<Digest, Error> {
    let names = library
        .reader()
        .names()
        .await
        .map_err(|error| unread(&error))?;
    if let Some(row) = names.iter().find(|row| row.name == name) {
        return Ok(Digest(row.digest));
    }
    let hex = name.to_ascii_lowercase();
    if hex.len() < HASH_PREFIX_MIN || !hex.chars().all(|c| c.is_ascii_hexdigit()) {
        return Err(no_such(name));
    }
    let used = library
        .look(|rules| rules.jobs().map(|job| job.spec.module).collect::<Vec<_>>())
        .await?;
    let mut fitting: Vec<Digest> = names
        .iter()
        .map(|row| Digest(row.digest))
        .chain(used)
        .filter(|digest| digest.to_string().starts_with(&hex))
        .collect();
    fitting.sort_unstable();
    fitting.dedup();
    match fitting.as_slice() {
        [one] => Ok(*one),
        [] => Err(no_such(name)),
        many => Err(Error::new(
            ErrorCode::AmbiguousId,
            format!("{} modules have a hash that begins with {name}", many.len()),
        )
        .hint("write more of the hash")),
    }
}

async fn get(blobs: &Blobs, digest: &Digest) -> Result<Bytes, Error> {
    blobs.get(&digest.0).await.map_err(|error| match error {
        GetError::Missing => Error::new(
            ErrorCode::BlobMissing,
            "the module is not here; it was not uploaded, or too long ago",
        ),
        GetError::Corrupt | GetError::Io(_) => unreadable(&error),
    })
}
