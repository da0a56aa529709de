//! A valid core module as the verdict needs it: imports, exports, and the
//! marks of its toolchain.

use wasmparser::{
    CompositeInnerType, FuncType, RefType, ValType,
    types::{CoreTypeId, EntityType, TypesRef},
};

use super::super::{
    browser,
    browser::{Stub, stub},
    card::Uses,
    preview1,
};

/// A valid core module's outside.
pub(super) struct Module<'a> {
    pub(super) types: TypesRef<'a>,
    pub(super) imports: Vec<(&'a str, &'a str, EntityType)>,
    pub(super) exports: Vec<(&'a str, EntityType)>,
    /// Imports from WASI 0.1.
    pub(super) wasi: bool,
}

impl<'a> Module<'a> {
    pub(super) fn new(types: TypesRef<'a>) -> Module<'a> {
        let imports: Vec<_> = types.core_imports().into_iter().flatten().collect();
        Module {
            types,
            exports: types.core_exports().into_iter().flatten().collect(),
            wasi: imports
                .iter()
                .any(|(module, ..)| *module == preview1::MODULE),
            imports,
        }
    }

    pub(super) fn export(&self, name: &str) -> Option<EntityType> {
        self.exports
            .iter()
            .find(|(export, _)| *export == name)
            .map(|(_, ty)| *ty)
    }

    pub(super) fn func(&self, ty: EntityType) -> Option<&'a FuncType> {
        match ty {
            EntityType::Func(id) => self.func_type(id),
            // The validator lets exact functions pass, the engine does not know them.
            EntityType::FuncExact(_)
            | EntityType::Table(_)
            | EntityType::Memory(_)
            | EntityType::Global(_)
            | EntityType::Tag(_) => None,
        }
    }

    pub(super) fn func_type(&self, id: CoreTypeId) -> Option<&'a FuncType> {
        match &self.types.get(id)?.composite_type.inner {
            CompositeInnerType::Func(ty) => Some(ty),
            CompositeInnerType::Array(_)
            | CompositeInnerType::Struct(_)
            | CompositeInnerType::Cont(_) => None,
        }
    }

    pub(super) fn uses(&self) -> Uses {
        let mut uses = Uses::default();
        for (module, name, _) in &self.imports {
            if *module == preview1::MODULE {
                preview1::note(&mut uses, name);
            }
        }
        uses
    }

    /// Nothing can change from call to call: no memory, no mutable global, no
    /// WASI. Tables are left, which only code can write.
    pub(super) fn is_constant(&self) -> bool {
        let globals = (0..self.types.global_count()).map(|at| self.types.global_at(at));
        !self.wasi
            && self.types.memory_count() == 0
            && !globals.into_iter().any(|global| global.mutable)
    }

    /// Tables, globals or functions are of external references.
    pub(super) fn holds_references(&self) -> bool {
        let tables = (0..self.types.table_count())
            .any(|at| self.types.table_at(at).element_type != RefType::FUNCREF);
        let globals = (0..self.types.global_count())
            .any(|at| is_reference(self.types.global_at(at).content_type));
        let functions = (0..self.types.function_count()).any(|at| {
            let ty = self.func_type(self.types.core_function_at(at));
            ty.is_some_and(|ty| {
                ty.params()
                    .iter()
                    .chain(ty.results())
                    .any(|ty| is_reference(*ty))
            })
        });
        tables || globals || functions
    }

    /// wasm-bindgen made it.
    pub(super) fn is_wasm_bindgen(&self) -> bool {
        let imports = self
            .imports
            .iter()
            .any(|(from, ..)| browser::is_wasm_bindgen(from));
        imports
            || self
                .exports
                .iter()
                .any(|(name, _)| name.starts_with("__wbindgen_"))
    }

    /// AssemblyScript made it: it aborts by its host, or exports its collector.
    pub(super) fn is_assembly_script(&self) -> bool {
        let abort = self.imports.iter().any(|(from, name, ty)| {
            stub(from, name) == Some(Stub::Abort)
                && self
                    .func(*ty)
                    .is_some_and(|ty| ty.params().len() == Stub::Abort.params())
        });
        abort || self.export("__new").is_some() && self.export("__pin").is_some()
    }
}

/// A reference to something outside the module.
pub(super) fn is_reference(ty: ValType) -> bool {
    match ty {
        ValType::Ref(reference) => reference != RefType::FUNCREF,
        ValType::I32 | ValType::I64 | ValType::F32 | ValType::F64 | ValType::V128 => false,
    }
}

/// What an import or export is, in words.
pub(super) fn sort(ty: EntityType) -> &'static str {
    match ty {
        EntityType::Func(_) => "a function",
        EntityType::FuncExact(_) => "a function of exact type",
        EntityType::Table(_) => "a table",
        EntityType::Memory(_) => "a memory",
        EntityType::Global(_) => "a global",
        EntityType::Tag(_) => "a tag",
    }
}
