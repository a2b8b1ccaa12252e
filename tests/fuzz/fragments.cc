// Fuzzes the reassembler with a script of fragments: each is 5 octets (message id, number, total,
// first type, length) and that many octets. A model that keeps everything says what must come out.
#include <algorithm>
#include <map>
#include <vector>

#include "ike/sk_fragment.h"
#include "tests/fuzz/inside.h"

namespace {

using Octets = std::vector<std::uint8_t>;
using Outcome = ike::Reassembler::Outcome;

constexpr std::size_t kMemory = 600;

// The set of fragments as RFC 7383 §2.6 has it.
struct Model {
  std::uint32_t id = 0;
  std::uint16_t total = 0;
  std::map<std::uint16_t, Octets> pieces;
  std::uint8_t first = 0;

  std::size_t held() const {
    std::size_t sum = 0;
    for (const auto& [number, piece] : pieces) sum += piece.size();
    return sum;
  }
  Outcome add(std::uint32_t of, std::uint16_t number, std::uint16_t of_total, std::uint8_t type,
              crypto::Bytes octets) {
    if (of_total > ike::kFragmentsMax) return Outcome::too_many;
    if (!pieces.empty() && of == id && of_total < total) return Outcome::stale;
    if (of != id || of_total != total) pieces.clear();
    id = of;
    total = of_total;
    if (pieces.contains(number)) return Outcome::duplicate;
    if (held() + octets.size() > kMemory) {
      pieces.clear();
      return Outcome::too_long;
    }
    pieces[number] = Octets(octets.begin(), octets.end());
    if (number == 1) first = type;
    return pieces.size() == total ? Outcome::complete : Outcome::stored;
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t len) {
  crypto::ByteReader script({octets, len});
  Octets memory(kMemory), out(kMemory);
  ike::Reassembler reassembler(memory);
  Model model;
  crypto::Bytes head, piece;
  while (script.take(5, head) &&
         script.take(std::min<std::size_t>(head[4], script.remaining()), piece)) {
    const std::uint16_t total = static_cast<std::uint16_t>(head[2] + 1);
    const std::uint16_t number = static_cast<std::uint16_t>(head[1] % total + 1);
    const Outcome outcome = reassembler.add(ike::MessageId(head[0]), number, total,
                                            static_cast<ike::PayloadType>(head[3]), piece);
    CHECK(outcome == model.add(head[0], number, total, head[3], piece));
    CHECK(reassembler.octets_held() == model.held());
    CHECK(reassembler.is_empty() == model.pieces.empty());
    if (outcome != Outcome::complete) continue;
    Octets expected;
    for (const auto& [n, p] : model.pieces) expected.insert(expected.end(), p.begin(), p.end());
    ike::PayloadType first = ike::PayloadType::none;
    const std::size_t joined = reassembler.join(out, first);
    fuzz::check_same(crypto::Bytes(out).first(joined), expected);
    CHECK(static_cast<std::uint8_t>(first) == model.first);
    CHECK(reassembler.is_empty());
    model = {};
  }
  reassembler.reset();
  CHECK(std::ranges::all_of(memory, [](std::uint8_t octet) { return octet == 0; }));
  return 0;
}
