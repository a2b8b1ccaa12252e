// Fuzzes the initiator's parser of what comes back to IKE_SESSION_RESUME.
#include <array>

#include "ike/resume.h"
#include "tests/fuzz/inside.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t len) {
  const crypto::Bytes message(octets, len);
  ike::ResumeAnswer answer;
  if (ike::parse_resume_answer(message, answer) != ike::ParseError::none) return 0;
  fuzz::check_inside(answer.nonce, message);
  fuzz::check_inside(answer.cookie, message);
  if (answer.kind == ike::ResumeAnswerKind::error_notify) CHECK(ike::is_error(answer.error));
  if (answer.kind != ike::ResumeAnswerKind::response) return 0;
  CHECK(answer.spi_r != ike::IkeSpi());
  CHECK(answer.nonce.size() >= ike::kNonceLenMin && answer.nonce.size() <= ike::kNonceLenMax);

  ike::Header header;
  CHECK(ike::parse_header(message, header) == ike::ParseError::none);
  ike::ResumeResponse response;
  response.spi_i = header.spi_i;
  response.spi_r = answer.spi_r;
  response.nonce = answer.nonce;
  response.fragmentation_supported = answer.fragmentation_supported;
  std::array<std::uint8_t, ike::kResumeResponseMax> buffer;
  const std::size_t written = ike::write_resume_response(response, buffer);
  CHECK(written != 0);
  ike::ResumeAnswer again;
  CHECK(ike::parse_resume_answer(crypto::Bytes(buffer).first(written), again) ==
        ike::ParseError::none);
  CHECK(again.kind == answer.kind && again.spi_r == answer.spi_r);
  fuzz::check_same(again.nonce, answer.nonce);
  return 0;
}
