//! What an author of an effect writes besides its function: `effect!` turns a doc comment and a list of
//! parameters into the spec that the language sees, a `Params` struct that `prepare` reads, and the registry's entry.

use vfxb_dsl::value::Colour;

use super::Argument;

/// A type of parameters: how a value of it is read from an argument. One of another kind, which lowering never hands
/// on, is read as the type's zero.
pub trait Parameter: Sized {
    /// Reads it.
    fn read(argument: Option<&Argument>) -> Self;
}

impl Parameter for f64 {
    fn read(argument: Option<&Argument>) -> f64 {
        match argument {
            Some(Argument::Number(n) | Argument::Length(n)) => *n,
            _ => 0.0,
        }
    }
}

impl Parameter for Option<f64> {
    fn read(argument: Option<&Argument>) -> Option<f64> {
        match argument {
            Some(Argument::Number(n) | Argument::Length(n)) => Some(*n),
            _ => None,
        }
    }
}

impl Parameter for Colour {
    fn read(argument: Option<&Argument>) -> Colour {
        match argument {
            Some(Argument::Colour(c)) => *c,
            _ => Colour::TRANSPARENT,
        }
    }
}

impl Parameter for usize {
    fn read(argument: Option<&Argument>) -> usize {
        match argument {
            Some(Argument::Word(index)) => *index,
            _ => 0,
        }
    }
}

/// How long a doc comment is without the space that begins each of its lines, and without its last line feed.
pub const fn doc_len(doc: &str) -> usize {
    let doc = doc.as_bytes();
    let (mut i, mut length) = (0, 0);
    while i + 1 < doc.len() {
        length += !drops(doc, i) as usize;
        i += 1;
    }
    length
}

/// The doc comment without those.
pub const fn doc_bytes<const LEN: usize>(doc: &str) -> [u8; LEN] {
    let doc = doc.as_bytes();
    let mut out = [0; LEN];
    let (mut i, mut length) = (0, 0);
    while i + 1 < doc.len() {
        if !drops(doc, i) {
            out[length] = doc[i];
            length += 1;
        }
        i += 1;
    }
    out
}

const fn drops(doc: &[u8], i: usize) -> bool {
    doc[i] == b' ' && (i == 0 || doc[i - 1] == b'\n')
}

/// The text of bytes that [`doc_bytes`] made.
pub const fn doc_text(bytes: &'static [u8]) -> &'static str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => "",
    }
}

/// Defines an effect or transition: `Params`, and `EFFECT` for the registry.
///
/// ```text
/// effect! {
///     /// The manual; the first line is a summary.
///     name: MACHINE, positional 1 {
///         /// One line about the parameter.
///         intensity: share = "1", neutral "0";
///     }
/// }
/// ```
///
/// MACHINE is `Affine(matrix)`, `Pixel(Type, prepare)`, `Kernel(kernel)` or `Transition(Type, prepare, shift)`, where the
/// functions take `&Params` and what the variant of [`super::Machine`] hands on, and `prepare` returns the uniforms of
/// the pixel function `Type`. Types of parameters: `share`, `number(min, max)`, `angle`, `colour`, `kelvin`,
/// `length` (optional, pixels), `word(TABLE)`.
macro_rules! effect {
    (
        $(#[doc = $doc:literal])*
        $name:ident: $machine:ident($($how:tt)*), positional $positional:literal {
            $($(#[doc = $field_doc:literal])* $field:ident: $ty:ident $(($($arg:expr),*))? $(= $default:literal)? $(, neutral $neutral:literal)?;)*
        }
    ) => {
        /// The parameters of one frame.
        #[derive(Debug)]
        struct Params {
            $($(#[doc = $field_doc])* $field: $crate::effect::spec::effect!(@rust $ty),)*
        }

        impl Params {
            #[allow(unused_assignments, unused_mut, unused_variables, reason = "for effects without parameters")]
            fn read(arguments: &[$crate::effect::Argument]) -> Params {
                let mut arguments = arguments.iter();
                Params { $($field: $crate::effect::spec::Parameter::read(arguments.next()),)* }
            }
        }

        /// The registry's entry.
        pub(crate) const EFFECT: $crate::effect::Effect = $crate::effect::Effect {
            spec: vfxb_dsl::vocabulary::EffectSpec {
                name: stringify!($name),
                role: $crate::effect::spec::effect!(@role $machine),
                doc: $crate::effect::spec::effect!(@doc $($doc)*),
                params: &[$(vfxb_dsl::vocabulary::FieldSpec {
                    name: stringify!($field),
                    ty: $crate::effect::spec::effect!(@type $ty $(($($arg),*))?),
                    default: $crate::effect::spec::effect!(@option $($default)?),
                    neutral: $crate::effect::spec::effect!(@option $($neutral)?),
                    keyframes: $crate::effect::spec::effect!(@keyframes $ty),
                    doc: $crate::effect::spec::effect!(@doc $($field_doc)*),
                }),*],
                positional: $positional,
            },
            machine: $crate::effect::spec::effect!(@machine $machine $($how)*),
        };
    };
    (@rust colour) => { vfxb_dsl::value::Colour };
    (@rust length) => { Option<f64> };
    (@rust word) => { usize };
    (@rust $number:ident) => { f64 };
    (@type share) => { vfxb_dsl::vocabulary::FieldType::Number { min: 0.0, max: 1.0 } };
    (@type number($min:expr, $max:expr)) => { vfxb_dsl::vocabulary::FieldType::Number { min: $min, max: $max } };
    (@type angle) => { vfxb_dsl::vocabulary::FieldType::Angle };
    (@type colour) => { vfxb_dsl::vocabulary::FieldType::Colour };
    (@type kelvin) => { vfxb_dsl::vocabulary::FieldType::Temperature };
    (@type length) => { vfxb_dsl::vocabulary::FieldType::Length(vfxb_dsl::vocabulary::Reference::Source) };
    (@type word($table:expr)) => { vfxb_dsl::vocabulary::FieldType::Word($table) };
    (@keyframes word) => { false };
    (@keyframes $ty:ident) => { true };
    (@option) => { None };
    (@option $value:literal) => { Some($value) };
    (@doc $($line:literal)*) => {{
        const DOC: &str = concat!($($line, "\n"),*);
        const LEN: usize = $crate::effect::spec::doc_len(DOC);
        const BYTES: [u8; LEN] = $crate::effect::spec::doc_bytes::<LEN>(DOC);
        $crate::effect::spec::doc_text(&BYTES)
    }};
    (@role Transition) => { vfxb_dsl::vocabulary::Role::Transition };
    (@role $machine:ident) => { vfxb_dsl::vocabulary::Role::Picture };
    (@machine Affine $matrix:ident) => {
        $crate::effect::Machine::Affine(|arguments, context| $matrix(&Params::read(arguments), context))
    };
    (@machine Pixel $pixel:ident, $prepare:ident) => {
        $crate::effect::Machine::Pixel {
            bind: |_| $crate::effect::bind::step::<$pixel>(),
            prepare: |arguments, context, out| $prepare(&Params::read(arguments), context).pack(out),
        }
    };
    (@machine Kernel $kernel:ident) => {
        $crate::effect::Machine::Kernel(|arguments, context| $kernel(&Params::read(arguments), context))
    };
    (@machine Transition $pixel:ident, $prepare:ident, $shift:expr) => {
        $crate::effect::Machine::Transition {
            bind: |_| $crate::effect::bind::combine::<$pixel>(),
            prepare: |arguments, progress, context, out| {
                $prepare(&Params::read(arguments), progress.clamp(0.0, 1.0), context).pack(out)
            },
            shift: |arguments, progress, context| {
                $shift(&Params::read(arguments), progress.clamp(0.0, 1.0), context)
            },
        }
    };
}

pub(crate) use effect;
