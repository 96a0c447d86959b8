//! The one point of the trusted setup that the verification of a single proof needs.

/// The secret of the mainnet ceremony times the generator of G2 of BLS12-381, compressed: the second G2 point, in
/// monomial form, of the published setup.
pub(super) const TAU_G2: [u8; 96] = alloy_primitives::hex!(
    "b5bfd7dd8cdeb128843bc287230af38926187075cbfbefa81009a2ce615ac53d2914e5870cb452d2afaaab24f3499f72"
    "185cbfee53492714734429b7b38608e23926c911cceceac9a36851477ba4c60b087041de621000edc98edada20c1def2"
);
