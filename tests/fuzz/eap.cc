// Fuzzes the reader of EAP packets and of RFC 7427 AUTH data.
#include "ike/eap.h"

#include <vector>

#include "ike/auth_octets.h"
#include "tests/fuzz/inside.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t len) {
  const crypto::Bytes packet(octets, len);
  std::vector<std::uint8_t> buffer(len + 1);
  ike::EapView eap;
  if (ike::parse_eap(packet, eap) == ike::ParseError::none) {
    fuzz::check_inside(eap.data, packet);
    const bool result = eap.code == ike::EapCode::success || eap.code == ike::EapCode::failure;
    const std::size_t written =
        result ? ike::write_eap_result(eap.code == ike::EapCode::success, eap.identifier, buffer)
               : ike::write_eap(eap.code, eap.identifier, eap.type, eap.data, buffer);
    fuzz::check_same(crypto::Bytes(buffer).first(written), packet);
  }
  ike::SignatureView signature;
  if (ike::parse_signature_auth(packet, signature)) {
    fuzz::check_inside(signature.algorithm, packet);
    fuzz::check_inside(signature.signature, packet);
    CHECK(!signature.algorithm.empty() && !signature.signature.empty());
    const std::size_t written =
        ike::write_signature_auth(signature.algorithm, signature.signature, buffer);
    fuzz::check_same(crypto::Bytes(buffer).first(written), packet);
  }
  return 0;
}
