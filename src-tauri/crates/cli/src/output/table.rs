//! Plain tables: columns by space, no lines, the width of the terminal.

use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, CellAlignment, ContentArrangement, Table};
use std::io::IsTerminal;

/// A column: its heading, and whether numbers stand in it.
#[derive(Clone, Copy)]
pub(crate) enum Column {
    Text(&'static str),
    Number(&'static str),
}

/// A row, and whether it tells of something that is not there at the moment.
pub(crate) struct Row {
    pub(crate) cells: Vec<String>,
    pub(crate) faint: bool,
}

/// Rows under headings.
pub(crate) fn table(columns: &[Column], rows: Vec<Vec<String>>, colours: bool) -> String {
    let plain = |cells| Row {
        cells,
        faint: false,
    };
    shaded(columns, rows.into_iter().map(plain).collect(), colours)
}

/// Rows under headings, some of them faint.
pub(crate) fn shaded(columns: &[Column], rows: Vec<Row>, colours: bool) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    if colours {
        // Who asks for colours gets them in a pipe too.
        table.enforce_styling();
    }
    // Into a pipe every row is one line, however long.
    let arrangement = if std::io::stdout().is_terminal() {
        ContentArrangement::Dynamic
    } else {
        ContentArrangement::Disabled
    };
    table.set_content_arrangement(arrangement);
    table.set_header(columns.iter().map(|column| {
        let (Column::Text(heading) | Column::Number(heading)) = column;
        let cell = Cell::new(heading.to_uppercase());
        if colours {
            cell.add_attribute(Attribute::Bold)
        } else {
            cell
        }
    }));
    for row in rows {
        table.add_row(row.cells.iter().map(|text| {
            let cell = Cell::new(super::guest::inert(text));
            if colours && row.faint {
                cell.add_attribute(Attribute::Dim)
            } else {
                cell
            }
        }));
    }
    for (at, column) in columns.iter().enumerate() {
        if let Some(drawn) = table.column_mut(at) {
            drawn.set_padding((0, 2));
            if let Column::Number(_) = column {
                drawn.set_cell_alignment(CellAlignment::Right);
            }
        }
    }
    table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect::<Vec<_>>()
        .join("\n")
}

/// Names and values, one a line.
pub(crate) fn pairs(rows: Vec<(&str, String)>) -> String {
    let width = rows
        .iter()
        .map(|(name, _)| name.chars().count())
        .max()
        .unwrap_or(0);
    rows.iter()
        .map(|(name, value)| {
            format!("{name:width$}  {}", super::guest::inert(value))
                .trim_end()
                .to_owned()
        })
        .collect::<Vec<_>>()
        .join("\n")
}
