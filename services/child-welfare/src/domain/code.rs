//! Stable texts of enumerations, as the database and the logs hold them.

/// A text that names none of the values it should name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the code is not one of {0}")]
pub struct UnknownCode(pub &'static str);

/// Gives an enumeration its stable texts: `code()`, `ALL` and `FromStr`.
macro_rules! codes {
    ($type:ident { $($variant:ident = $code:literal,)* }) => {
        impl $type {
            /// Every value.
            pub const ALL: &[$type] = &[$($type::$variant),*];

            /// The stable text of this value.
            pub fn code(self) -> &'static str {
                match self {
                    $($type::$variant => $code,)*
                }
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::domain::UnknownCode;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL
                    .iter()
                    .copied()
                    .find(|value| value.code() == text)
                    .ok_or($crate::domain::UnknownCode(stringify!($type)))
            }
        }
    };
}

pub(super) use codes;
