//! Results to where they are wanted: stdout, a file, many files, a document.

use crate::context::Context;
use crate::failure::{Failure, usage};
use crate::output::files::{self, NewFile};
use crate::output::progress::Progress;
use crate::output::{Stream, json, words};
use crate::reach::Door;
use crate::verbs::{Page, out_of_turn};
use api::{BytesOf, Error, ErrorCode, JobView, PAGE_ROWS_MAX, Request, ResultEntry, TaskState};
use bytes::Bytes;
use node::template::{Placeholder, Template};
use node::{Answer, Then};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

/// What was written where.
#[derive(Debug, Default)]
pub(crate) struct Delivered {
    /// In words: a file, a folder.
    pub(crate) places: Vec<String>,
    pub(crate) bytes: u64,
}

/// Prints results in index order, each byte once: while the job runs, at its
/// end, and with another node after the first went away.
#[derive(Debug, Default)]
pub(crate) struct Printer {
    next: u32,
    /// Bytes of the next result that are printed.
    printed: u64,
    /// Durable results from `next` on: first index and end, as they came.
    ready: Vec<(u32, u32)>,
    /// A job of one task was shown as it wrote.
    streamed: bool,
}

/// Where results go, once it is known how many there are.
enum To {
    Stdout,
    File(PathBuf),
    Pattern(Template),
    Folder {
        path: PathBuf,
        extension: &'static str,
    },
}

/// Whether results could be written there, whatever they will be.
pub(crate) fn check(output: &Path) -> Result<(), Error> {
    let text = text_of(output)?;
    let template = Template::parse(text)?;
    if template.placeholders().next().is_none() {
        return if output.is_dir() || text.ends_with('/') {
            files::check_folder(output)
        } else {
            files::check(output)
        };
    }
    // The part that is the same for all.
    let fixed = &text[..text.find('{').unwrap_or(text.len())];
    let folder = fixed
        .rfind('/')
        .map_or(Path::new("."), |end| Path::new(&fixed[..=end]));
    files::check_folder(folder)
}

pub(crate) async fn deliver(
    context: &Context,
    door: &Door,
    job: &JobView,
    output: Option<&Path>,
    collect: Option<&Path>,
    printer: &mut Printer,
) -> Result<Delivered, Failure> {
    let delivery = Delivery { context, door, job };
    let mut delivered = Delivered::default();
    if let Some(folder) = collect {
        delivery.collect(folder, &mut delivered).await?;
    }
    let to = delivery.to(output)?;
    if context.output.json {
        let document = delivery.document(&to, &mut delivered).await?;
        context.output.document(&document)?;
        return Ok(delivered);
    }
    match to {
        To::Stdout => delivery.print(printer).await?,
        To::File(path) => delivery.one_file(&path, &mut delivered).await?,
        To::Pattern(_) | To::Folder { .. } => {
            let mut from = Some(0);
            while let Some(first) = from {
                let page = delivery.page(first).await?;
                let items = delivery.items(&to, first, page.results.len()).await?;
                for (entry, item) in page.results.iter().zip(items) {
                    if let Some(path) = delivery.path_of(&to, entry, &item)? {
                        delivered.bytes += delivery.save(entry, &path).await?;
                    }
                }
                from = page.next;
            }
            let folder = match &to {
                To::Folder { path, .. } => path.display().to_string(),
                To::Pattern(_) | To::Stdout | To::File(_) => output
                    .map(|path| path.display().to_string())
                    .unwrap_or_default(),
            };
            delivered.places.push(folder);
        }
    }
    Ok(delivered)
}

struct Delivery<'d> {
    context: &'d Context,
    door: &'d Door,
    job: &'d JobView,
}

impl Delivery<'_> {
    fn is_folded(&self) -> bool {
        self.job.fold.is_some()
    }

    fn to(&self, output: Option<&Path>) -> Result<To, Error> {
        let Some(output) = output.filter(|path| path.as_os_str() != "-") else {
            return Ok(To::Stdout);
        };
        let text = text_of(output)?;
        let template = Template::parse(text)?;
        let varies = template
            .placeholders()
            .any(|placeholder| placeholder != Placeholder::Count);
        if varies {
            return Ok(To::Pattern(template));
        }
        if !self.is_folded() && self.job.tasks.total > 1 {
            if output.is_file() {
                return Err(Error::new(
                    ErrorCode::OutputUnwritable,
                    format!(
                        "{text} is a file, and the job has {}",
                        words::count(self.job.tasks.total, "result")
                    ),
                )
                .hint("name a folder, or a pattern such as out/{index}.out"));
            }
            return Ok(To::Folder {
                path: output.to_owned(),
                extension: self.extension(),
            });
        }
        Ok(To::File(output.to_owned()))
    }

    /// The folded result, or the only one, into a file.
    async fn one_file(&self, path: &Path, delivered: &mut Delivered) -> Result<(), Failure> {
        let page = self.page(0).await?;
        let entry = if self.is_folded() {
            page.folded.as_deref()
        } else {
            page.results.first()
        };
        if let Some(entry) = entry.filter(|entry| entry.state == TaskState::Done) {
            delivered.bytes = self.save(entry, path).await?;
            delivered.places.push(path.display().to_string());
        }
        Ok(())
    }

    async fn print(&self, printer: &mut Printer) -> Result<(), Failure> {
        if printer.streamed {
            return Ok(());
        }
        if !self.is_folded() && self.job.tasks.total > 1 {
            printer.came(0, self.job.tasks.total);
            return printer
                .print(self.context, self.door, &self.job.id, None)
                .await;
        }
        let page = self.page(0).await?;
        let entry = if self.is_folded() {
            page.folded.as_deref()
        } else {
            page.results.first()
        };
        match entry.filter(|entry| entry.state == TaskState::Done) {
            Some(entry) if self.would_garble(entry) => {
                self.context.output.note(format_args!(
                    "the result is {} of {}; skep job results {} -o FILE saves it",
                    words::bytes(entry.bytes),
                    self.job.result_type.as_deref().unwrap_or("binary data"),
                    words::short(&self.job.id, [])
                ));
                Ok(())
            }
            Some(entry) => {
                printer
                    .print_one(self.context, self.door, &self.job.id, entry, None)
                    .await?;
                // On a terminal nothing else should begin on its last line.
                let open_line = entry
                    .text
                    .as_deref()
                    .is_some_and(|text| !text.is_empty() && !text.ends_with('\n'));
                if open_line && std::io::stdout().is_terminal() {
                    self.context.output.line("")?;
                }
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// A picture on a terminal helps nobody.
    fn would_garble(&self, entry: &ResultEntry) -> bool {
        let binary =
            entry.base64.is_some() || self.job.result_type.as_deref().is_some_and(is_binary);
        binary && std::io::stdout().is_terminal()
    }

    async fn save(&self, entry: &ResultEntry, path: &Path) -> Result<u64, Failure> {
        let mut file = NewFile::create(path)?;
        bytes_of(self.door, &self.job.id, entry, |bytes| {
            Ok(file.write(bytes)?)
        })
        .await?;
        let bytes = file.bytes;
        file.keep()?;
        Ok(bytes)
    }

    /// What tasks left in `/out`: below the folder for one task, below a
    /// folder for each index for several.
    async fn collect(&self, folder: &Path, delivered: &mut Delivered) -> Result<(), Failure> {
        let many = self.job.tasks.total > 1;
        let mut from = Some(0);
        let mut files = 0_u64;
        while let Some(first) = from {
            let page = self.page(first).await?;
            for entry in &page.results {
                let folder = if many {
                    folder.join(entry.index.to_string())
                } else {
                    folder.to_owned()
                };
                for (name, _) in &entry.files {
                    let path = folder.join(files::below(name)?);
                    let what = BytesOf::File { name: name.clone() };
                    let mut file = NewFile::create(&path)?;
                    download(self.door, &self.job.id, entry.index, what, |bytes| {
                        Ok(file.write(bytes)?)
                    })
                    .await?;
                    file.keep()?;
                    files += 1;
                }
            }
            from = page.next;
        }
        if files > 0 {
            delivered.places.push(format!(
                "{} ({})",
                folder.display(),
                words::count(files, "file")
            ));
        }
        Ok(())
    }

    async fn document(
        &self,
        to: &To,
        delivered: &mut Delivered,
    ) -> Result<serde_json::Value, Failure> {
        let mut results = Vec::new();
        let mut folded = None;
        let mut from = Some(0);
        while let Some(first) = from {
            let page = self.page(first).await?;
            let items = self.items(to, first, page.results.len()).await?;
            for (entry, item) in page.results.iter().zip(items) {
                let path = if self.is_folded() && !matches!(to, To::Pattern(_)) {
                    None
                } else {
                    self.path_of(to, entry, &item)?
                };
                results.push(self.entry(entry, path, delivered).await?);
            }
            folded = folded.or(page.folded);
            from = page.next;
        }
        let mut document = serde_json::json!({
            "schema": json::SCHEMA,
            "job": self.job.id,
            "state": json::view(&self.job.state),
            "results": results,
        });
        if let (Some(fold), Some(fields)) = (&self.job.fold, document.as_object_mut()) {
            let value = match folded {
                Some(entry) => {
                    let path = match to {
                        To::File(path) if entry.state == TaskState::Done => Some(path.clone()),
                        To::File(_) | To::Stdout | To::Pattern(_) | To::Folder { .. } => None,
                    };
                    self.entry(&entry, path, delivered).await?
                }
                None => {
                    serde_json::json!({ "state": json::view(&fold.state), "message": fold.message })
                }
            };
            fields.insert("folded".to_owned(), value);
        }
        Ok(document)
    }

    /// One entry of the document, with its bytes in it or in a file.
    async fn entry(
        &self,
        entry: &ResultEntry,
        path: Option<PathBuf>,
        delivered: &mut Delivered,
    ) -> Result<serde_json::Value, Failure> {
        let mut entry = entry.clone();
        if let Some(path) = &path {
            delivered.bytes += self.save(&entry, path).await?;
            (entry.text, entry.base64) = (None, None);
        } else if entry.hash.is_some() && entry.text.is_none() && entry.base64.is_none() {
            let mut whole = Vec::new();
            bytes_of(self.door, &self.job.id, &entry, |bytes| {
                whole.extend_from_slice(bytes);
                Ok(())
            })
            .await?;
            match String::from_utf8(whole) {
                Ok(text) => entry.text = Some(text),
                Err(error) => entry.base64 = Some(data_encoding::BASE64.encode(error.as_bytes())),
            }
        }
        let mut value = json::view(&entry);
        if let Some(fields) = value.as_object_mut() {
            let files = entry
                .files
                .iter()
                .map(|(name, bytes)| serde_json::json!({ "name": name, "bytes": bytes }));
            fields.insert("files".to_owned(), files.collect());
            if let Some(path) = path {
                fields.insert("path".to_owned(), path.display().to_string().into());
            }
        }
        Ok(value)
    }

    async fn page(&self, from: u32) -> Result<Page, Failure> {
        Ok(self.door.results(&self.job.id, from).await?)
    }

    /// What the tasks of a page were made from, where the pattern wants it.
    async fn items(&self, to: &To, first: u32, count: usize) -> Result<Vec<String>, Failure> {
        let wanted = match to {
            To::Pattern(template) => template
                .placeholders()
                .any(|placeholder| match placeholder {
                    Placeholder::Item
                    | Placeholder::Line
                    | Placeholder::File
                    | Placeholder::Stem => true,
                    Placeholder::Index | Placeholder::Count => false,
                }),
            To::Stdout | To::File(_) | To::Folder { .. } => false,
        };
        let mut items = Vec::with_capacity(count);
        while wanted && items.len() < count {
            let from = first + u32::try_from(items.len()).unwrap_or(u32::MAX);
            let limit = u32::try_from(count - items.len())
                .unwrap_or(PAGE_ROWS_MAX)
                .min(PAGE_ROWS_MAX);
            let (tasks, _) = self.door.tasks(&self.job.id, from, limit).await?;
            if tasks.is_empty() {
                break;
            }
            items.extend(tasks.into_iter().map(|task| task.item.unwrap_or_default()));
        }
        items.resize(count, String::new());
        Ok(items)
    }

    /// The file of one task's result; none where it has no result.
    fn path_of(&self, to: &To, entry: &ResultEntry, item: &str) -> Result<Option<PathBuf>, Error> {
        if entry.state != TaskState::Done {
            return Ok(None);
        }
        Ok(match to {
            To::Stdout => None,
            To::File(path) => Some(path.clone()),
            To::Folder { path, extension } => {
                Some(path.join(format!("{}.{extension}", entry.index)))
            }
            To::Pattern(template) => {
                let (index, count) = (entry.index.to_string(), self.job.tasks.total.to_string());
                // A value chooses a name, not a folder.
                let item = item.replace(['/', '\0'], "_");
                let stem = Path::new(&item)
                    .file_stem()
                    .map(|stem| stem.to_string_lossy().into_owned())
                    .unwrap_or_default();
                let path = template.fill(|placeholder| match placeholder {
                    Placeholder::Index => &index,
                    Placeholder::Count => &count,
                    Placeholder::Item | Placeholder::Line | Placeholder::File => &item,
                    Placeholder::Stem => &stem,
                });
                let path = PathBuf::from(path);
                if path.file_name().is_none() {
                    return Err(usage(format!(
                        "the pattern gives task {} no file name",
                        entry.index
                    )));
                }
                Some(path)
            }
        })
    }

    fn extension(&self) -> &'static str {
        match self.job.result_type.as_deref() {
            Some("image/png") => "png",
            Some("image/jpeg") => "jpg",
            Some("application/json") => "json",
            Some("text/csv") => "csv",
            Some(kind) if kind.starts_with("text/") => "txt",
            Some(_) | None => "out",
        }
    }
}

impl Printer {
    /// Of a job whose output was shown as it came.
    pub(crate) fn streamed() -> Printer {
        Printer {
            streamed: true,
            ..Printer::default()
        }
    }

    /// Notes results that are there; true when the next one to print is.
    pub(crate) fn came(&mut self, first: u32, count: u32) -> bool {
        self.ready.push((first, first.saturating_add(count)));
        self.is_ready()
    }

    fn is_ready(&self) -> bool {
        self.ready
            .iter()
            .any(|(first, end)| (*first..*end).contains(&self.next))
    }

    /// Prints what is there, in order and without a gap. A task that has ended
    /// without a result prints nothing.
    pub(crate) async fn print(
        &mut self,
        context: &Context,
        door: &Door,
        job: &str,
        progress: Option<&Progress>,
    ) -> Result<(), Failure> {
        while self.is_ready() {
            let page = door.results(job, self.next).await?;
            if page.results.is_empty() {
                return Ok(());
            }
            // Small results go out together: a write for each would be slow.
            let mut together = Vec::new();
            let (mut behind, mut gap) = (self.next, false);
            let write = |bytes: &[u8]| {
                if bytes.is_empty() {
                    return Ok(());
                }
                let print = || context.output.guest(Stream::Stdout, bytes);
                progress.map_or_else(print, |progress| progress.aside(print))
            };
            for entry in &page.results {
                match entry.state {
                    TaskState::Queued | TaskState::Running => {
                        gap = true;
                        break;
                    }
                    TaskState::Failed | TaskState::Cancelled => {}
                    TaskState::Done if self.printed == 0 && inline(entry, &mut together) => {}
                    TaskState::Done => {
                        write(&together)?;
                        together.clear();
                        self.next = behind;
                        self.print_one(context, door, job, entry, progress).await?;
                        (self.next, self.printed) = (entry.index + 1, 0);
                    }
                }
                behind = entry.index + 1;
            }
            write(&together)?;
            self.next = behind;
            self.ready.retain(|(_, end)| *end > behind);
            if gap {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn print_one(
        &mut self,
        context: &Context,
        door: &Door,
        job: &str,
        entry: &ResultEntry,
        progress: Option<&Progress>,
    ) -> Result<(), Failure> {
        let mut seen = 0;
        bytes_of(door, job, entry, |bytes| {
            let old = usize::try_from(self.printed - seen)
                .unwrap_or(usize::MAX)
                .min(bytes.len());
            let new = &bytes[old..];
            let print = || context.output.guest(Stream::Stdout, new);
            progress.map_or_else(print, |progress| progress.aside(print))?;
            self.printed += new.len() as u64;
            seen += bytes.len() as u64;
            Ok(())
        })
        .await
    }
}

/// Adds the bytes of a result that is inline.
fn inline(entry: &ResultEntry, to: &mut Vec<u8>) -> bool {
    match (&entry.text, &entry.base64) {
        (Some(text), _) => to.extend_from_slice(text.as_bytes()),
        (None, Some(base64)) => {
            to.extend(
                data_encoding::BASE64
                    .decode(base64.as_bytes())
                    .unwrap_or_default(),
            );
        }
        (None, None) => return entry.bytes == 0,
    }
    true
}

/// The bytes of a result, inline or fetched.
async fn bytes_of(
    door: &Door,
    job: &str,
    entry: &ResultEntry,
    mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if let Some(text) = &entry.text {
        return take(text.as_bytes());
    }
    if let Some(base64) = &entry.base64 {
        return take(
            &data_encoding::BASE64
                .decode(base64.as_bytes())
                .unwrap_or_default(),
        );
    }
    if entry.bytes == 0 {
        return Ok(());
    }
    download(door, job, entry.index, BytesOf::Result, take).await
}

/// Bytes of a task, piece by piece.
pub(crate) async fn download(
    door: &Door,
    job: &str,
    index: u32,
    what: BytesOf,
    mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let read = Request::Read {
        job: job.to_owned(),
        index,
        what,
    };
    match door.call(read, None).await? {
        Answer {
            then: Then::Bytes(mut pieces),
            ..
        } => {
            while let Some(piece) = pieces.recv().await {
                let piece: Bytes = piece?;
                take(&piece)?;
            }
            Ok(())
        }
        Answer { .. } => Err(out_of_turn().into()),
    }
}

fn text_of(path: &Path) -> Result<&str, Error> {
    path.to_str()
        .ok_or_else(|| usage(format!("{} is not UTF-8", path.display())))
}

fn is_binary(media_type: &str) -> bool {
    !media_type.starts_with("text/") && media_type != "application/json"
}

#[cfg(test)]
mod tests {
    use super::{Printer, check};
    use api::ErrorCode;

    #[test]
    fn results_are_printed_when_the_next_one_is_there() {
        let mut printer = Printer::default();
        assert!(!printer.came(3, 2));
        assert!(printer.came(0, 2));
        printer.next = 2;
        assert!(!printer.came(5, 1));
        assert!(printer.came(2, 1));
        printer.next = 3;
        assert!(printer.came(9, 1), "what came early is remembered");
    }

    #[test]
    fn a_place_for_results_is_checked_before_they_exist() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| check(&dir.path().join(name)).map_err(|error| error.code);
        assert_eq!(at("new/{index}.png"), Ok(()));
        assert_eq!(at("one.png"), Ok(()));
        assert_eq!(at(""), Ok(()));
        assert_eq!(at("{indx}.png"), Err(ErrorCode::UnknownPlaceholder));
        std::fs::write(dir.path().join("file"), "").unwrap();
        assert_eq!(at("file/{index}"), Err(ErrorCode::OutputUnwritable));
    }
}
