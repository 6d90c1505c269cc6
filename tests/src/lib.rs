//! What the tests of more than one service share.
