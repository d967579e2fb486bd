//! Both ways from text to a tree with places. Knows nodes and lexical values, never a word's meaning.

pub mod node;
