//! What only a module's code tells.

use wasmparser::{Operator, Parser, Payload};

use super::module::is_reference;

/// Signs in the code.
#[derive(Default)]
pub(super) struct Code {
    /// A local holds an external reference.
    pub(super) holds_references: bool,
    /// An instruction changes a table or drops what could fill one.
    pub(super) writes_tables: bool,
}

impl Code {
    /// Instructions are read only where they decide something.
    pub(super) fn read(bytes: &[u8], instructions: bool) -> Code {
        let mut code = Code::default();
        for payload in Parser::new(0).parse_all(bytes).map_while(Result::ok) {
            let Payload::CodeSectionEntry(body) = payload else {
                continue;
            };
            if let Ok(locals) = body.get_locals_reader() {
                let mut types = locals.into_iter().map_while(Result::ok);
                code.holds_references |= types.any(|(_, ty)| is_reference(ty));
            }
            if let (true, Ok(operators)) = (instructions, body.get_operators_reader()) {
                let mut operators = operators.into_iter().map_while(Result::ok);
                code.writes_tables |= operators.any(|operator| {
                    matches!(
                        operator,
                        Operator::TableSet { .. }
                            | Operator::TableGrow { .. }
                            | Operator::TableFill { .. }
                            | Operator::TableCopy { .. }
                            | Operator::TableInit { .. }
                            | Operator::ElemDrop { .. }
                    )
                });
            }
        }
        code
    }
}
