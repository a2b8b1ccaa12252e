// Fuzzes the initiator's parser of what comes back to IKE_SA_INIT.
#include "ike/proposal.h"
#include "ike/sa_init.h"
#include "tests/fuzz/inside.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t len) {
  const crypto::Bytes message(octets, len);
  ike::SaInitAnswer answer;
  if (ike::parse_sa_init_answer(message, answer) != ike::ParseError::none) return 0;
  fuzz::check_inside(answer.sa, message);
  fuzz::check_inside(answer.nonce, message);
  fuzz::check_inside(answer.ke_data, message);
  fuzz::check_inside(answer.cookie, message);
  fuzz::check_inside(answer.authorities, message);
  CHECK(answer.authorities.size() % ike::kAuthorityHashLen == 0);
  if (answer.kind == ike::SaInitAnswerKind::error_notify) CHECK(ike::is_error(answer.error));
  if (answer.kind != ike::SaInitAnswerKind::response) {
    CHECK(answer.sa.empty() && answer.nonce.empty() && answer.ke_data.empty());
    return 0;
  }
  CHECK(answer.spi_r != ike::IkeSpi());
  CHECK(!answer.nonce.empty() && !answer.ke_data.empty());
  ike::Choice chosen;
  if (ike::read_chosen(answer.sa, ike::Protocol::ike, chosen) != ike::ParseError::none) return 0;
  CHECK(ike::is_supported(chosen.suite));
  ike::Choice again;
  CHECK(ike::choose(answer.sa, ike::Protocol::ike, {&chosen.suite, 1}, again));
  fuzz::check_same(again.spi, chosen.spi);
  return 0;
}
