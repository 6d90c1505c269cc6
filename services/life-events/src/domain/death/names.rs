//! Enumerations that have a stable name, written to the database and to logs.

/// Declares an enumeration whose values have a stable name: `name()`, `from_name()` and `ALL`.
macro_rules! names {
    ($(#[$doc:meta])* pub enum $enum:ident { $($(#[$value_doc:meta])* $value:ident = $name:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $enum { $($(#[$value_doc])* $value,)+ }

        impl $enum {
            /// All values, in the order of their declaration.
            pub const ALL: &[$enum] = &[$($enum::$value,)+];

            /// The stable name.
            pub fn name(self) -> &'static str {
                match self { $($enum::$value => $name,)+ }
            }

            /// The value of a name; none if there is no such name.
            pub fn from_name(name: &str) -> Option<$enum> {
                match name { $($name => Some($enum::$value),)+ _ => None }
            }
        }
    };
}

pub(super) use names;
