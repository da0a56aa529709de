//! Whether the session starts the app, hidden in its tray.

use auto_launch::{AutoLaunch, AutoLaunchBuilder};

/// The entry in the session's list of programs.
pub(crate) fn entry() -> Result<AutoLaunch, Box<dyn std::error::Error>> {
    let program = std::env::current_exe()?;
    let program = program.to_str().ok_or("its path is no text")?;
    let entry = AutoLaunchBuilder::new()
        .set_app_name("Skep")
        .set_app_path(&quoted(program))
        .set_args(&["--hidden"])
        .build()?;
    Ok(entry)
}

/// An argument of `Exec`, as the Desktop Entry Specification 1.5 has it: in
/// quotes, with what means something there escaped, and escaped once more as
/// any text of such a file is.
fn quoted(argument: &str) -> String {
    let mut quoted = String::from("\"");
    for c in argument.chars() {
        match c {
            '\\' => quoted.push_str("\\\\\\\\"),
            '"' | '`' | '$' => quoted.extend(["\\\\", c.encode_utf8(&mut [0; 4])]),
            '%' => quoted.push_str("%%"),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_path_is_one_argument_whatever_its_letters() {
        assert_eq!(quoted("/usr/bin/skep-app"), r#""/usr/bin/skep-app""#);
        assert_eq!(quoted("/my apps/skep"), r#""/my apps/skep""#);
        assert_eq!(quoted(r#"/a"b$c`d\e%f"#), r#""/a\\"b\\$c\\`d\\\\e%%f""#);
    }
}
