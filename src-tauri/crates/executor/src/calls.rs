//! One function called for consecutive tasks, with results as text.

use std::{fmt::Write, time::Duration};

use sandbox::{End, Value, frames::Calls, limits};
use wasmtime::{Func, Store, Val, ValType};

use crate::{
    guest::Guest,
    module::{Call, Core, Function, Program},
    page::now_ns,
    program::{Arguments, Bench, function, initialize},
};

/// Results that one frame holds; with the longest numbers it stays below its cap.
const RESULTS_MAX: usize = 4096;
/// Texts at which a frame is full, in bytes.
const TEXT_BYTES_MAX: usize = 32 << 10;

/// Results that are not sent yet.
#[derive(Default)]
struct Results {
    began_ns: u64,
    ends: Vec<u32>,
    texts: String,
}

/// A store and the function in it.
struct Place {
    store: Store<Guest>,
    function: Func,
}

impl Bench<'_> {
    /// Answers every call of the batch.
    pub(crate) async fn calls(&self, batch: &Calls) {
        let mut results = Results::default();
        let mut place = None;
        for index in (0..u64::from(batch.count)).map(|i| batch.first_index.saturating_add(i)) {
            let now = self.wire.line().begin(batch.caps);
            if results.ends.is_empty() {
                results.began_ns = now;
            } else if results.is_due(now) {
                self.put(&mut results, now);
                self.wire.line().send();
            }
            if let Err(end) = self
                .call(batch, index, &mut place, &mut results.texts)
                .await
            {
                self.put(&mut results, now_ns());
                self.wire.line().end(end);
                place = None;
            } else {
                results.end();
            }
        }
        self.put(&mut results, now_ns());
    }

    async fn call(
        &self,
        batch: &Calls,
        index: u64,
        place: &mut Option<Place>,
        texts: &mut String,
    ) -> Result<(), End> {
        let (core, target) = match self.program {
            Program::Core(
                core @ Core {
                    call: Call::Function(target),
                    ..
                },
            ) => (core, target),
            Program::Unusable(end) => return Err(end.clone()),
            Program::Core(_) | Program::Component(_) => {
                let message = "calls for something that is not a function".to_owned();
                return Err(End::AbiViolation { message });
            }
        };
        let arguments = arguments(batch, index, target)?;
        if !target.reuse {
            *place = None;
        }
        let here = match place {
            Some(here) => here,
            None => place.insert(self.place(batch, core, target).await?),
        };
        self.fill(&mut here.store, batch.caps.fuel);
        let mut values = [const { Val::I32(0) }; RESULT_VALUES_MAX];
        let Some(values) = values.get_mut(..target.results.len()) else {
            let message = format!("the function gives more than {RESULT_VALUES_MAX} values");
            return Err(End::AbiViolation { message });
        };
        let called = if core.pure {
            here.function.call(&mut here.store, &arguments, values)
        } else {
            here.function
                .call_async(&mut here.store, &arguments, values)
                .await
        };
        called.map_err(|error| here.store.data().bounds.end(&error))?;
        write_values(texts, values);
        Ok(())
    }

    async fn place(&self, batch: &Calls, core: &Core, target: &Function) -> Result<Place, End> {
        let fuel = batch.caps.fuel;
        let nothing = Arguments {
            argv: &[],
            env: &[],
            more_env: &[],
            stdin_len: 0,
            fuel,
        };
        let mut store = self.store(&nothing)?;
        let instance = if core.pure {
            core.pre.instantiate(&mut store)
        } else {
            core.pre.instantiate_async(&mut store).await
        };
        let instance = instance.map_err(|error| store.data().bounds.unmade(&error))?;
        let ready = async {
            initialize(core, &mut store, &instance).await?;
            function(&instance, &mut store, &target.export)
        }
        .await;
        let function = ready.map_err(|error| store.data().bounds.end(&error))?;
        Ok(Place { store, function })
    }

    fn put(&self, results: &mut Results, now: u64) {
        if results.ends.is_empty() {
            return;
        }
        let micros = now.saturating_sub(results.began_ns) / 1000;
        self.wire
            .line()
            .results(micros, &results.ends, results.texts.as_bytes());
        results.ends.clear();
        results.texts.clear();
        results.began_ns = now;
    }
}

/// Values that one function may give; more than any compiler makes.
const RESULT_VALUES_MAX: usize = 16;

impl Results {
    fn end(&mut self) {
        self.ends
            .push(u32::try_from(self.texts.len()).expect("sent long before"));
    }

    fn is_due(&self, now: u64) -> bool {
        self.ends.len() >= RESULTS_MAX
            || self.texts.len() >= TEXT_BYTES_MAX
            || Duration::from_nanos(now.saturating_sub(self.began_ns)) >= limits::SEND_AFTER
    }
}

/// The arguments of one call, as the function's type wants them.
fn arguments(batch: &Calls, index: u64, target: &Function) -> Result<Vec<Val>, End> {
    let wrong = |message: String| End::AbiViolation { message };
    let given = batch.args.len() + usize::from(batch.range.is_some());
    if given != target.params.len() {
        return Err(wrong(format!(
            "the function takes {} arguments and got {given}",
            target.params.len()
        )));
    }
    let mut arguments = Vec::with_capacity(given);
    for (place, (value, ty)) in batch.args.iter().zip(&target.params).enumerate() {
        let value = match (value, ty) {
            (Value::I32(v), ValType::I32) => Val::I32(*v),
            (Value::I64(v), ValType::I64) => Val::I64(*v),
            (Value::F32(v), ValType::F32) => Val::F32(v.to_bits()),
            (Value::F64(v), ValType::F64) => Val::F64(v.to_bits()),
            (value, ty) => {
                return Err(wrong(format!(
                    "argument {place} is {value:?} and should be {ty}"
                )));
            }
        };
        arguments.push(value);
    }
    if let (Some(range), Some(ty)) = (batch.range, target.params.last()) {
        let value = range
            .value(index)
            .ok_or_else(|| wrong(format!("the range leaves 64 bits at task {index}")))?;
        arguments.push(range_value(value, ty).ok_or_else(|| wrong(format!("{value} is no {ty}")))?);
    }
    Ok(arguments)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a range over floats counts in whole numbers"
)]
fn range_value(value: i64, ty: &ValType) -> Option<Val> {
    match ty {
        // Both halves of the unsigned range are somebody's i32.
        ValType::I32 => i32::try_from(value)
            .or_else(|_| u32::try_from(value).map(u32::cast_signed))
            .ok()
            .map(Val::I32),
        ValType::I64 => Some(Val::I64(value)),
        ValType::F32 => Some(Val::F32((value as f32).to_bits())),
        ValType::F64 => Some(Val::F64((value as f64).to_bits())),
        ValType::V128 | ValType::Ref(_) => None,
    }
}

/// Integers decimal, floats as short as they can be read back from, a space between.
fn write_values(text: &mut String, values: &[Val]) {
    for (place, value) in values.iter().enumerate() {
        if place > 0 {
            text.push(' ');
        }
        let start = text.len();
        let written = match value {
            Val::I32(v) => write!(text, "{v}"),
            Val::I64(v) => write!(text, "{v}"),
            Val::F32(v) => write!(text, "{:?}", f32::from_bits(*v)),
            Val::F64(v) => write!(text, "{:?}", f64::from_bits(*v)),
            Val::V128(_)
            | Val::FuncRef(_)
            | Val::ExternRef(_)
            | Val::AnyRef(_)
            | Val::ExnRef(_)
            | Val::ContRef(_) => unreachable!("only functions of numbers are linked"),
        };
        written.expect("a string takes every text");
        if text.ends_with(".0") && !matches!(value, Val::I32(_) | Val::I64(_)) {
            debug_assert!(text.len() > start + 2, "a digit stands before the point");
            text.truncate(text.len() - 2);
        }
    }
    // A line each, so that results put one after the other can be told apart.
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(values: &[Val]) -> String {
        let mut text = String::new();
        write_values(&mut text, values);
        text.strip_suffix('\n').expect("a line").to_owned()
    }

    #[test]
    fn numbers_are_written_as_short_as_they_read_back() {
        let f = |v: f64| Val::F64(v.to_bits());
        assert_eq!(
            written(&[Val::I32(-1), Val::I64(i64::MIN)]),
            "-1 -9223372036854775808"
        );
        assert_eq!(
            written(&[f(2.0), f(0.1), f(1e300), f(-0.0)]),
            "2 0.1 1e300 -0"
        );
        assert_eq!(written(&[f(f64::NAN), f(f64::INFINITY)]), "NaN inf");
        assert_eq!(written(&[Val::F32(0.1f32.to_bits())]), "0.1");
        for v in [
            f64::MIN_POSITIVE,
            f64::MAX,
            1.0 / 3.0,
            123_456_789.0,
            1e16,
            5e-324,
        ] {
            assert_eq!(written(&[f(v)]).parse::<f64>(), Ok(v));
        }
    }

    #[test]
    fn a_range_value_takes_the_type_of_its_parameter() {
        assert_eq!(
            range_value(-1, &ValType::I32).map(|v| v.unwrap_i32()),
            Some(-1)
        );
        assert_eq!(
            range_value(4_294_967_295, &ValType::I32).map(|v| v.unwrap_i32()),
            Some(-1)
        );
        assert!(range_value(4_294_967_296, &ValType::I32).is_none());
        assert_eq!(
            range_value(3, &ValType::F64).map(|v| v.unwrap_f64()),
            Some(3.0)
        );
    }
}
