// Fuzzes the reader of unprotected answers to unknown SPIs (RFC 6290).
#include <array>

#include "ike/crash_detection.h"
#include "tests/fuzz/inside.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t len) {
  const crypto::Bytes message(octets, len);
  ike::CrashAnswer answer;
  if (ike::parse_crash_answer(message, answer) != ike::ParseError::none) return 0;
  fuzz::check_inside(answer.token, message);
  CHECK(answer.token.size() >= ike::kQcdTokenLenMin && answer.token.size() <= ike::kQcdTokenLenMax);
  CHECK(answer.header.is_response());
  ike::Header request = answer.header;
  request.flags = answer.header.from_initiator() ? 0 : ike::kFlagInitiator;
  std::array<std::uint8_t, ike::kCrashAnswerMax> buffer;
  const std::size_t written = ike::write_crash_answer(request, answer.token, buffer);
  CHECK(written != 0);
  ike::CrashAnswer again;
  CHECK(ike::parse_crash_answer(crypto::Bytes(buffer).first(written), again) ==
        ike::ParseError::none);
  CHECK(again.header.spi_i == answer.header.spi_i && again.header.spi_r == answer.header.spi_r);
  CHECK(again.header.message_id == answer.header.message_id);
  fuzz::check_same(again.token, answer.token);
  return 0;
}
