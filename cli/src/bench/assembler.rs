//! A small assembler, so that the contracts of the benchmarks can be read.
//!
//! A program is words between spaces; `//` begins a comment.
//!
//! | word | becomes |
//! |---|---|
//! | `ADD` | the instruction of that name |
//! | `1000`, `0xe0` | the shortest PUSH of that number |
//! | `name:` | a JUMPDEST with that name |
//! | `@name` | a PUSH of where it is |
//! | `#transfer(address,uint256)` | a PUSH of the selector of that function |
//! | `$Transfer(address,address,uint256)` | a PUSH of the topic of that event |

use std::collections::BTreeMap;

use alloy_primitives::{U256, keccak256};
use braid_interpreter::opcode::{OPCODES, byte};

/// Assembles a program.
///
/// # Panics
/// If the program is not one. Programs are part of Braid.
///
/// ```
/// use braid_cli::bench::assembler::assemble;
///
/// assert_eq!(assemble("again: 1 300 ADD @again JUMP"), [0x5b, 0x60, 1, 0x61, 1, 44, 1, 0x61, 0, 0, 0x56]);
/// ```
pub fn assemble(source: &str) -> Vec<u8> {
    let mut assembler = Assembler::default();
    for line in source.lines() {
        let code = line.split("//").next().unwrap_or_default();
        for word in code.split_whitespace() {
            assembler.word(word);
        }
    }
    assembler.finish()
}

/// The selector of a function: the first bytes of the hash of its signature.
pub fn selector(signature: &str) -> [u8; 4] {
    let hash = keccak256(signature);
    [hash[0], hash[1], hash[2], hash[3]]
}

#[derive(Default)]
struct Assembler<'a> {
    code: Vec<u8>,
    labels: BTreeMap<&'a str, usize>,
    /// Where the two bytes of a label's place go.
    uses: Vec<(usize, &'a str)>,
}

impl<'a> Assembler<'a> {
    fn word(&mut self, word: &'a str) {
        if let Some(label) = word.strip_suffix(':') {
            let earlier = self.labels.insert(label, self.code.len());
            assert!(earlier.is_none(), "there are two labels {label}");
            self.code.push(byte::JUMPDEST);
        } else if let Some(label) = word.strip_prefix('@') {
            self.push(&[0, 0]);
            self.uses.push((self.code.len() - 2, label));
        } else if let Some(signature) = word.strip_prefix('#') {
            self.push(&selector(signature));
        } else if let Some(signature) = word.strip_prefix('$') {
            self.push(keccak256(signature).as_slice());
        } else if word.starts_with(|first: char| first.is_ascii_digit()) {
            let Ok(number) = word.parse::<U256>() else { panic!("{word} is not a number") };
            let bytes = number.to_be_bytes_trimmed_vec();
            self.push(&bytes);
        } else {
            self.code.push(opcode(word));
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        assert!(bytes.len() <= 32, "no PUSH takes {} bytes", bytes.len());
        self.code.push(byte::PUSH0 + bytes.len() as u8);
        self.code.extend_from_slice(bytes);
    }

    fn finish(mut self) -> Vec<u8> {
        for (place, label) in self.uses {
            let Some(target) = self.labels.get(label) else { panic!("there is no label {label}") };
            let Ok(target) = u16::try_from(*target) else { panic!("{label} is too far") };
            self.code[place..place + 2].copy_from_slice(&target.to_be_bytes());
        }
        self.code
    }
}

fn opcode(name: &str) -> u8 {
    let named = |byte: &u8| OPCODES[usize::from(*byte)].is_some_and(|info| info.name == name);
    match (0..=u8::MAX).find(named) {
        Some(byte) => byte,
        None => panic!("there is no instruction {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_bytes() {
        assert_eq!(assemble("0 1 0x100 // ADD"), [0x5f, 0x60, 1, 0x61, 1, 0]);
        assert_eq!(assemble("STOP SELFDESTRUCT CLZ"), [0x00, 0xff, 0x1e]);
        assert_eq!(assemble("@end JUMP\nend:"), [0x61, 0, 4, 0x56, 0x5b]);
        assert_eq!(assemble("#transfer(address,uint256)"), [0x63, 0xa9, 0x05, 0x9c, 0xbb]);
        let topic = assemble("$Transfer(address,address,uint256)");
        assert_eq!((topic.len(), &topic[..5]), (33, &[0x7f, 0xdd, 0xf2, 0x52, 0xad][..]));
    }

    #[test]
    #[should_panic(expected = "there is no instruction ADDD")]
    fn an_unknown_instruction_is_named() {
        assemble("ADDD");
    }

    #[test]
    #[should_panic(expected = "there is no label nowhere")]
    fn an_unknown_label_is_named() {
        assemble("@nowhere");
    }
}
