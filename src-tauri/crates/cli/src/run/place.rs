//! Where results go: stdout, one file, or a file for each.

use crate::failure::usage;
use crate::output::words;
use crate::reach::Door;
use api::{Error, ErrorCode, JobView, ResultEntry, TaskState, TaskView};
use node::saved;
use node::template::{Placeholder, Template};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where results go, once it is known how many there are.
pub(super) enum Place {
    Stdout,
    File(PathBuf),
    Pattern(Template),
    Folder {
        path: PathBuf,
        extension: &'static str,
    },
}

/// Whether results could be written there, whatever they will be. `parameters`
/// are the names of a sweep.
pub(crate) fn check(output: &Path, parameters: &[String]) -> Result<(), Error> {
    let text = text_of(output)?;
    let template = Template::parse(text, parameters)?;
    if template.placeholders().next().is_none() {
        return if output.is_dir() || text.ends_with('/') {
            saved::check_folder(output)
        } else {
            saved::check(output)
        };
    }
    // The part that is the same for all.
    let fixed = &text[..text.find('{').unwrap_or(text.len())];
    let folder = fixed
        .rfind('/')
        .map_or(Path::new("."), |end| Path::new(&fixed[..=end]));
    saved::check_folder(folder)
}

/// Names of the parameters that a job sweeps, as far as a pattern may want them.
pub(crate) async fn parameters(
    door: &Door,
    job: &JobView,
    output: Option<&Path>,
) -> Result<Vec<String>, Error> {
    let pattern = output.is_some_and(|path| path.as_os_str().as_encoded_bytes().contains(&b'{'));
    if !pattern {
        return Ok(Vec::new());
    }
    let (tasks, _) = door.tasks(&job.id, 0, 1).await?;
    let first = tasks.into_iter().next();
    Ok(first.map_or_else(Vec::new, |task| {
        task.parameters.into_iter().map(|one| one.name).collect()
    }))
}

impl Place {
    pub(super) fn of(
        output: Option<&Path>,
        job: &JobView,
        parameters: &[String],
    ) -> Result<Place, Error> {
        let Some(output) = output.filter(|path| path.as_os_str() != "-") else {
            return Ok(Place::Stdout);
        };
        let text = text_of(output)?;
        let template = Template::parse(text, parameters)?;
        let varies = template
            .placeholders()
            .any(|placeholder| *placeholder != Placeholder::Count);
        if varies {
            return Ok(Place::Pattern(template));
        }
        if job.fold.is_none() && job.tasks.total > 1 {
            if output.is_file() {
                return Err(Error::new(
                    ErrorCode::OutputUnwritable,
                    format!(
                        "{text} is a file, and the job has {}",
                        words::count(job.tasks.total, "result")
                    ),
                )
                .hint("name a folder, or a pattern such as out/{index}.out"));
            }
            return Ok(Place::Folder {
                path: output.to_owned(),
                extension: saved::extension(job.result_type.as_deref()),
            });
        }
        Ok(Place::File(output.to_owned()))
    }

    /// Whether a file's name is made from what its task was made from.
    pub(super) fn wants_tasks(&self) -> bool {
        match self {
            Place::Pattern(template) => {
                template
                    .placeholders()
                    .any(|placeholder| match placeholder {
                        Placeholder::Item
                        | Placeholder::Line
                        | Placeholder::File
                        | Placeholder::Stem
                        | Placeholder::Parameter(_) => true,
                        Placeholder::Index | Placeholder::Count => false,
                    })
            }
            Place::Stdout | Place::File(_) | Place::Folder { .. } => false,
        }
    }

    /// The file of one task's result; none where it has no result. `task` is
    /// there where the pattern wants it.
    pub(super) fn path_of(
        &self,
        entry: &ResultEntry,
        count: u32,
        task: Option<&TaskView>,
    ) -> Result<Option<PathBuf>, Error> {
        if entry.state != TaskState::Done {
            return Ok(None);
        }
        Ok(match self {
            Place::Stdout => None,
            Place::File(path) => Some(path.clone()),
            Place::Folder { path, extension } => {
                Some(path.join(format!("{}.{extension}", entry.index)))
            }
            Place::Pattern(template) => {
                let path = PathBuf::from(filled(template, entry.index, count, task));
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
}

fn filled(template: &Template, index: u32, count: u32, task: Option<&TaskView>) -> String {
    // A value chooses a name, not a folder.
    let name = |value: &str| value.replace(['/', '\0'], "_");
    let (index, count) = (index.to_string(), count.to_string());
    let item = task.and_then(|task| task.item.as_deref());
    let item = item.map(name).unwrap_or_default();
    let stem = Path::new(&item)
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default();
    let parameters: BTreeMap<&str, String> = task
        .iter()
        .flat_map(|task| &task.parameters)
        .map(|one| (one.name.as_str(), name(&one.value)))
        .collect();
    template.fill(|placeholder| match placeholder {
        Placeholder::Index => &index,
        Placeholder::Count => &count,
        Placeholder::Item | Placeholder::Line | Placeholder::File => &item,
        Placeholder::Stem => &stem,
        Placeholder::Parameter(parameter) => parameters
            .get(parameter.as_str())
            .map_or("", String::as_str),
    })
}

fn text_of(path: &Path) -> Result<&str, Error> {
    path.to_str()
        .ok_or_else(|| usage(format!("{} is not UTF-8", path.display())))
}

#[cfg(test)]
mod tests {
    use super::check;
    use api::ErrorCode;

    #[test]
    fn a_place_for_results_is_checked_before_they_exist() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| {
            check(&dir.path().join(name), &["size".to_owned()]).map_err(|error| error.code)
        };
        assert_eq!(at("new/{index}.png"), Ok(()));
        assert_eq!(at("{size}/x.png"), Ok(()));
        assert_eq!(at("one.png"), Ok(()));
        assert_eq!(at(""), Ok(()));
        assert_eq!(at("{indx}.png"), Err(ErrorCode::UnknownPlaceholder));
        std::fs::write(dir.path().join("file"), "").unwrap();
        assert_eq!(at("file/{index}"), Err(ErrorCode::OutputUnwritable));
    }
}
