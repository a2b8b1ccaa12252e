// Fuzzes what the load generator reads in a tunnel: trailer, padding, and the reply to an echo
// request. A reply that is taken is the one that its mark asks for, octet by octet.
#include <algorithm>
#include <vector>

#include "tests/fuzz/inside.h"
#include "tools/storm/inner_echo.h"
#include "tools/storm/tunnel_crypto.h"

namespace {

constexpr std::uint32_t kClient = 7;

storm::EchoEnds ends_of(bool is_ip6) {
  storm::EchoEnds ends{.is_ip6 = is_ip6};
  for (std::size_t i = 0; i < ends.address_len(); ++i) {
    ends.client[i] = static_cast<std::uint8_t>(i + 1);
    ends.target[i] = static_cast<std::uint8_t>(i + 0x40);
  }
  return ends;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t len) {
  const crypto::Bytes text(octets, len);
  crypto::Bytes inner;
  bool is_ip6 = false;
  if (!storm::read_trailer(text, inner, is_ip6)) return 0;
  fuzz::check_inside(inner, text);
  const storm::EchoEnds ends = ends_of(is_ip6);
  storm::EchoMark mark;
  if (!storm::read_echo_reply(ends, kClient, inner, mark)) return 0;
  CHECK(mark.client == kClient);
  std::vector<std::uint8_t> request(inner.size());
  storm::write_echo_request(ends, mark, request);
  // Behind type and checksum the request says the same.
  const std::size_t at = ends.header_len() + 4;
  CHECK(std::ranges::equal(inner.subspan(at), crypto::Bytes(request).subspan(at)));
  const std::size_t source = is_ip6 ? 8 : 12, address = ends.address_len();
  CHECK(std::ranges::equal(inner.subspan(source, address),
                           crypto::Bytes(request).subspan(source + address, address)));
  return 0;
}
