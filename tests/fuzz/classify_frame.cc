// Fuzz target: one frame through classify and whatever follows it on the link side. The first octet
// of the input chooses the link and what the device says, the rest is the frame.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "crypto/base/error.h"
#include "dataplane/answer_link.h"
#include "dataplane/classify.h"
#include "tests/support/packet_builder.h"

namespace {

using dp::Burst;

// A block of exactly `capacity` octets, so that AddressSanitizer sees an access beyond it.
struct Block {
  Block(crypto::Bytes octets, std::size_t capacity) : memory(new std::uint8_t[capacity]()) {
    std::ranges::copy(octets, memory.get());
    frame.data = memory.get();
    frame.len = static_cast<std::uint32_t>(octets.size());
    frame.capacity = static_cast<std::uint32_t>(capacity);
  }
  std::unique_ptr<std::uint8_t[]> memory;
  dp::Frame frame;
};

dp::Families classify_one(Burst& burst, const Block& block, unsigned marks, const dp::Link& link) {
  burst.count = 1;
  burst.frame[0] = block.frame;
  burst.frame[0].ip_checksum_good = (marks & 1) != 0;
  burst.frame[0].ip_checksum_bad = (marks & 2) != 0;
  burst.frame[0].l4_checksum_good = (marks & 4) != 0;
  burst.frame[0].l4_checksum_bad = (marks & 8) != 0;
  const dp::Families f = dp::classify(burst, link);
  const unsigned in = f.link.size() + f.resume.size() + f.sessions.size() + f.initiations.size() +
                      f.fragments.size() + f.versions.size() + f.esp.size();
  CHECK(in == (burst.verdict[0] == dp::Verdict::live ? 1u : 0u));
  CHECK((burst.verdict[0] == dp::Verdict::drop) == (burst.reason[0] != dp::Drop::none));
  return f;
}

// What leaves is a packet that an independent reader accepts, inside its block.
void check_sent(const dp::Frame& frame, const Block& block) {
  CHECK(frame.data >= block.memory.get());
  CHECK(frame.data + frame.capacity == block.memory.get() + block.frame.capacity);
  CHECK(frame.len <= frame.capacity);
  CHECK(dp::read_packet({frame.data, frame.len}).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t len) {
  if (len == 0 || len > 2000) return 0;
  const dp::PacketBuilder peer;
  const dp::Link link{.mac = peer.destination_mac,
                      .vlan = static_cast<std::uint16_t>((octets[0] & 0x80) != 0 ? 5 : 0),
                      .ip4 = {peer.destination4},
                      .ip6 = {peer.destination6}};
  const crypto::Bytes input{octets + 1, len - 1};
  const auto burst = std::make_unique<Burst>();

  const Block exact(input, input.size());
  classify_one(*burst, exact, octets[0] & 15u, link);
  CHECK(std::equal(input.begin(), input.end(), exact.memory.get()));

  const Block roomy(input, 2048);
  const dp::Families families = classify_one(*burst, roomy, octets[0] & 15u, link);
  if (!families.link.empty()) {
    if (!dp::answer_link(*burst, families.link, link).empty()) check_sent(burst->frame[0], roomy);
  } else if (burst->verdict[0] == dp::Verdict::live && families.fragments.empty()) {
    const crypto::Bytes message = burst->message[0];
    CHECK(message.data() == burst->frame[0].data + burst->path[0].payload_offset);
    CHECK(message.data() + message.size() <= roomy.memory.get() + input.size());
    if (dp::turn_into_reply(*burst, 0, message.size(), link, false))
      check_sent(burst->frame[0], roomy);
  }
  return 0;
}
