// Fuzzes offers: each octet names a suite of the built-in IKE or ESP list; the first chooses which.
// What is written offers these suites and no other.
#include <algorithm>
#include <vector>

#include "ike/proposal.h"
#include "tests/fuzz/inside.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t len) {
  const fuzz::Input input(octets, len);
  const bool is_ike = input.choice % 2 == 0;
  const auto protocol = is_ike ? ike::Protocol::ike : ike::Protocol::esp;
  const auto all = is_ike ? ike::default_ike_suites() : ike::default_esp_suites();
  std::vector<ike::Suite> suites;
  for (const std::uint8_t octet : input.rest.first(std::min(input.rest.size(), std::size_t{300})))
    suites.push_back(all[octet % all.size()]);
  std::vector<std::uint8_t> buffer(16384);
  crypto::ByteWriter writer(buffer);
  ike::ChainBuilder chain(writer);
  const std::uint8_t spi[] = {1, 2, 3, 4};
  ike::write_sa_offer(chain, protocol, suites, is_ike ? crypto::Bytes() : crypto::Bytes(spi));
  if (suites.empty() || suites.size() > ike::kOfferSuitesMax) CHECK(!writer.ok());
  if (!writer.ok()) return 0;
  const crypto::Bytes sa = writer.written().subspan(4);
  CHECK(ike::check_sa(sa) == ike::ParseError::none);
  CHECK(ike::sa_protocol(sa) == protocol);
  for (const ike::Suite& suite : all) {
    ike::Choice choice;
    const bool wanted = std::ranges::find(suites, suite) != suites.end();
    CHECK(ike::choose(sa, protocol, {&suite, 1}, choice) == wanted);
  }
  return 0;
}
