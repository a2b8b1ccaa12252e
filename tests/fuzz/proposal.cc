// Fuzzes SA payloads: checking, choosing for IKE and ESP, and writing what was chosen.
#include "ike/proposal.h"

#include <array>

#include "tests/fuzz/inside.h"

namespace {

void choose_and_answer(crypto::Bytes sa, ike::Protocol protocol,
                       std::span<const ike::Suite> preference) {
  ike::Choice choice;
  if (!ike::choose(sa, protocol, preference, choice)) return;
  fuzz::check_inside(choice.spi, sa);
  CHECK(ike::is_supported(choice.suite));
  std::array<std::uint8_t, 256> buffer;
  crypto::ByteWriter writer(buffer);
  ike::ChainBuilder chain(writer);
  ike::write_sa(chain, protocol, choice.proposal_number, choice.suite, choice.spi);
  CHECK(writer.ok());
  const crypto::Bytes answer = crypto::Bytes(writer.written()).subspan(4);
  CHECK(ike::check_sa(answer) == ike::ParseError::none);
  ike::Choice again;
  CHECK(ike::choose(answer, protocol, preference, again));
  CHECK(again.suite == choice.suite && again.proposal_number == choice.proposal_number);
  fuzz::check_same(again.spi, choice.spi);
}

// Additional key exchanges (RFC 9370), one of them optional.
std::array<ike::Suite, 2> hybrid_suites() {
  std::array<ike::Suite, 2> suites;
  for (ike::Suite& suite : suites) {
    suite.ke = ike::KeId::curve25519;
    suite.additional.set(0, ike::KeId::ml_kem_768);
  }
  suites[0].additional.set(6, ike::KeId::ecp_256);
  return suites;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t len) {
  const crypto::Bytes sa(octets, len);
  if (ike::check_sa(sa) != ike::ParseError::none) return 0;
  choose_and_answer(sa, ike::Protocol::esp, ike::default_esp_suites());
  choose_and_answer(sa, ike::Protocol::ike, ike::default_ike_suites());
  static const std::array<ike::Suite, 2> hybrids = hybrid_suites();
  choose_and_answer(sa, ike::Protocol::ike, hybrids);
  return 0;
}
