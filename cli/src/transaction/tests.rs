use alloy_primitives::{U256, address, hex};
use braid_executor::codec::decode_transaction;
use braid_precompiles::DefaultCrypto;

use super::*;

/// The example of EIP-155: a transfer signed for chain 1.
const EIP155_EXAMPLE: [u8; 110] = hex!(
    "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a764000080"
    "25a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276"
    "a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83"
);
/// Its signer, the owner of the key 0x4646..46.
const SIGNER: Address = address!("9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F");

#[test]
fn an_envelope_made_from_fields_has_the_signer_of_its_bytes() {
    use alloy_consensus::{SignableTransaction, TxLegacy};
    use alloy_eips::eip2718::Encodable2718;
    use alloy_primitives::Signature;
    let crypto = DefaultCrypto::new();
    let tx = TxLegacy {
        chain_id: Some(1),
        nonce: 9,
        gas_price: 20_000_000_000,
        gas_limit: 21_000,
        to: Address::repeat_byte(0x35).into(),
        value: U256::from(1_000_000_000_000_000_000_u64),
        input: Default::default(),
    };
    let r = U256::from_be_slice(&EIP155_EXAMPLE[45..77]);
    let s = U256::from_be_slice(&EIP155_EXAMPLE[78..]);
    let envelope = Envelope::from(tx.into_signed(Signature::new(r, s, false)));
    assert_eq!(envelope.encoded_2718(), EIP155_EXAMPLE);
    assert_eq!(recover_sender(&envelope, Hardfork::Cancun, 1, &crypto), Ok(SIGNER));
    let decoded = decode_transaction(&EIP155_EXAMPLE, Hardfork::Cancun, 1, &crypto).unwrap();
    assert_eq!(flatten(&envelope, SIGNER, &crypto), decoded.transaction);
}
