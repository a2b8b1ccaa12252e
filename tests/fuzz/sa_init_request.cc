// Fuzzes the responder's parser of IKE_SA_INIT; what it reads is written and read again.
#include <vector>

#include "ike/proposal.h"
#include "ike/sa_init.h"
#include "tests/fuzz/inside.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t len) {
  const crypto::Bytes message(octets, len);
  ike::SaInitRequest request;
  ike::PayloadType offending = ike::PayloadType::none;
  const ike::ParseError e = ike::parse_sa_init_request(message, request, offending);
  if (e == ike::ParseError::critical_unknown) CHECK(!ike::is_known(offending));
  if (e != ike::ParseError::none) return 0;
  fuzz::check_inside(request.sa, message);
  fuzz::check_inside(request.nonce, message);
  fuzz::check_inside(request.ke_data, message);
  fuzz::check_inside(request.cookie, message);
  fuzz::check_inside(request.nat_destination, message);
  CHECK(request.nonce.size() >= ike::kNonceLenMin && request.nonce.size() <= ike::kNonceLenMax);
  CHECK(!request.ke_data.empty());
  CHECK(request.nat_source_count <= ike::kNatSourcesMax);
  for (std::size_t i = 0; i < request.nat_source_count; ++i) {
    fuzz::check_inside(request.nat_sources[i], message);
    CHECK(request.nat_sources[i].size() == ike::kNatHashLen);
  }
  // A choice that fits can be answered, and the initiator reads that answer.
  ike::Choice choice;
  bool fits = false;
  if (!ike::choose_with_ke(request.sa, ike::Protocol::ike, ike::default_ike_suites(), request.ke,
                           ike::KePolicy::save_round_trip, choice, fits))
    return 0;
  CHECK(!fits || choice.suite.ke == request.ke);
  ike::SaInitResponse response;
  response.spi_i = request.spi_i;
  response.spi_r = ike::IkeSpi(1);
  response.proposal_number = choice.proposal_number;
  response.suite = choice.suite;
  response.ke_data = request.ke_data;
  response.nonce = request.nonce;
  response.signature_hashes = request.signature_hashes;
  std::vector<std::uint8_t> buffer(len + 256);
  const std::size_t written = ike::write_sa_init_response(response, buffer);
  CHECK(written != 0);
  ike::SaInitAnswer answer;
  CHECK(ike::parse_sa_init_answer(crypto::Bytes(buffer).first(written), answer) ==
        ike::ParseError::none);
  CHECK(answer.kind == ike::SaInitAnswerKind::response);
  fuzz::check_same(answer.nonce, request.nonce);
  fuzz::check_same(answer.ke_data, request.ke_data);
  CHECK((answer.signature_hashes | 1) == (request.signature_hashes | 1));  // No hash has id 0.
  ike::Choice again;
  CHECK(ike::read_chosen(answer.sa, ike::Protocol::ike, again) == ike::ParseError::none);
  CHECK(again.suite == choice.suite && again.proposal_number == choice.proposal_number);
  return 0;
}
