//! Results to where they are wanted: stdout, a file, many files, a document.

use super::fetch::{bytes_of, download};
use super::place::{self, Place};
use super::printer::Printer;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{json, words};
use crate::reach::Door;
use crate::verbs::Page;
use api::{BytesOf, JobView, PAGE_ROWS_MAX, ResultEntry, TaskState, TaskView};
use node::saved::{self, NewFile};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

/// What was written where.
#[derive(Debug, Default)]
pub(crate) struct Delivered {
    /// In words: a file, a folder.
    pub(crate) places: Vec<String>,
    pub(crate) bytes: u64,
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
    let parameters = place::parameters(door, job, output).await?;
    let to = Place::of(output, job, &parameters)?;
    if context.output.json {
        let document = delivery.document(&to, &mut delivered).await?;
        context.output.document(&document)?;
        return Ok(delivered);
    }
    match to {
        Place::Stdout => delivery.print(printer).await?,
        Place::File(path) => delivery.one_file(&path, &mut delivered).await?,
        Place::Pattern(_) | Place::Folder { .. } => {
            let mut from = Some(0);
            while let Some(first) = from {
                let page = delivery.page(first).await?;
                let tasks = delivery.tasks(&to, first, page.results.len()).await?;
                for (entry, task) in page.results.iter().zip(&tasks) {
                    if let Some(path) = to.path_of(entry, job.tasks.total, task.as_ref())? {
                        delivered.bytes += delivery.save(entry, &path).await?;
                    }
                }
                from = page.next;
            }
            let folder = match &to {
                Place::Folder { path, .. } => path.display().to_string(),
                Place::Pattern(_) | Place::Stdout | Place::File(_) => output
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
                    let path = folder.join(saved::below(name)?);
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
        to: &Place,
        delivered: &mut Delivered,
    ) -> Result<serde_json::Value, Failure> {
        let mut results = Vec::new();
        let mut folded = None;
        let mut from = Some(0);
        while let Some(first) = from {
            let page = self.page(first).await?;
            let tasks = self.tasks(to, first, page.results.len()).await?;
            for (entry, task) in page.results.iter().zip(&tasks) {
                let path = if self.is_folded() && !matches!(to, Place::Pattern(_)) {
                    None
                } else {
                    to.path_of(entry, self.job.tasks.total, task.as_ref())?
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
                        Place::File(path) if entry.state == TaskState::Done => Some(path.clone()),
                        Place::File(_)
                        | Place::Stdout
                        | Place::Pattern(_)
                        | Place::Folder { .. } => None,
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

    /// The tasks of a page, where the place wants to know what they were made
    /// from; one that is not known any more is none.
    async fn tasks(
        &self,
        place: &Place,
        first: u32,
        count: usize,
    ) -> Result<Vec<Option<TaskView>>, Failure> {
        let mut all = Vec::with_capacity(count);
        while place.wants_tasks() && all.len() < count {
            let from = first + u32::try_from(all.len()).unwrap_or(u32::MAX);
            let limit = u32::try_from(count - all.len())
                .unwrap_or(PAGE_ROWS_MAX)
                .min(PAGE_ROWS_MAX);
            let (tasks, _) = self.door.tasks(&self.job.id, from, limit).await?;
            if tasks.is_empty() {
                break;
            }
            all.extend(tasks.into_iter().map(Some));
        }
        all.resize_with(count, || None);
        Ok(all)
    }
}

fn is_binary(media_type: &str) -> bool {
    !media_type.starts_with("text/") && media_type != "application/json"
}
