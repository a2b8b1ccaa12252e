// Stage answer_version: requests of a major version above ours get INVALID_MAJOR_VERSION in a
// message of version 2.0 (RFC 7296 §2.5), within the budget of their source.
#include "dataplane/stages.h"

namespace dp {

void answer_version(Burst& burst, LaneSet in, WorkerParts& w) {
  for (unsigned lane : in) {
    constexpr std::size_t kAnswerLen = ike::kHeaderLen + 8;
    // What is shorter than its answer would make us an amplifier.
    if (burst.message[lane].size() < kAnswerLen) {
      burst.drop(lane, Drop::ike_bad_version);
      continue;
    }
    if (!w.sources.may_answer(burst.path[lane], w.now)) {
      burst.drop(lane, Drop::answer_limit);
      continue;
    }
    const std::size_t len = ike::write_clear_notify(
        burst.header[lane], ike::Notify::invalid_major_version, {}, burst.reply_room(lane));
    if (len == 0 || !turn_into_reply(burst, lane, len, w.link, w.port.can_offload_checksums())) {
      burst.drop(lane, Drop::reply_too_large);
      continue;
    }
    burst.reply(lane, Drop::ike_bad_version);
  }
}

}  // namespace dp
