// Fuzzes the parser of IKE_SESSION_RESUME requests.
#include <vector>

#include "ike/resume.h"
#include "tests/fuzz/inside.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t len) {
  const crypto::Bytes message(octets, len);
  ike::ResumeRequest request;
  ike::PayloadType offending = ike::PayloadType::none;
  const ike::ParseError error = ike::parse_resume_request(message, request, offending);
  if (error == ike::ParseError::critical_unknown) CHECK(!ike::is_known(offending));
  if (error != ike::ParseError::none) return 0;
  fuzz::check_inside(request.nonce, message);
  fuzz::check_inside(request.ticket, message);
  fuzz::check_inside(request.cookie, message);
  CHECK(request.nonce.size() >= ike::kNonceLenMin && request.nonce.size() <= ike::kNonceLenMax);
  CHECK(request.has_cookie || request.cookie.empty());

  ike::ResumeOffer offer;
  offer.spi_i = request.spi_i;
  offer.nonce = request.nonce;
  offer.ticket = request.ticket;
  offer.cookie = request.cookie;
  offer.fragmentation_supported = request.fragmentation_supported;
  std::vector<std::uint8_t> buffer(len + 8);
  const std::size_t written = ike::write_resume_request(offer, buffer);
  CHECK(written != 0);
  ike::ResumeRequest again;
  CHECK(ike::parse_resume_request(crypto::Bytes(buffer).first(written), again, offending) ==
        ike::ParseError::none);
  CHECK(again.spi_i == request.spi_i);
  CHECK(again.fragmentation_supported == request.fragmentation_supported);
  fuzz::check_same(again.nonce, request.nonce);
  fuzz::check_same(again.ticket, request.ticket);
  fuzz::check_same(again.cookie, request.cookie);
  return 0;
}
