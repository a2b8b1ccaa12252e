// Stages on established sessions: kept answers sent again, empty INFORMATIONAL requests (liveness)
// answered, and everything else handed over to the control thread together with its session.
//
// Both check the ICV before anything else; only a request that was authenticated moves the window.
#include "dataplane/seal_batch.h"
#include "dataplane/session_keys.h"
#include "dataplane/stages.h"

namespace dp {
namespace {

struct OpenRequest {
  std::uint32_t slot = kNoIndex;
  Session* session = nullptr;
  ike::SkView sk;
  std::uint8_t* plaintext = nullptr;
};

// The lanes whose request is authentic.
LaneSet open_requests(Burst& burst, LaneSet in, PerLane<OpenRequest>& requests, WorkerParts& w) {
  LaneSet opened;
  for (unsigned lane : in) {
    const auto found = w.sessions.find(w.codec.decode(burst.header[lane].spi_r));
    if (found.state != SlotState::established) {
      // An earlier lane of this burst resumed the client and ended this session (RFC 5723 §4.3.4).
      burst.drop(lane, Drop::spi_unknown);
      continue;
    }
    OpenRequest& r = requests[lane];
    r.slot = found.slot;
    r.session = &w.sessions.session(found.slot);
    const SessionKeys keys = session_keys(*r.session, w.sessions.blob(*r.session, 0));
    if (ike::find_sk(burst.message[lane], burst.header[lane], r.session->suite, r.sk) !=
        ike::ParseError::none) {
      burst.drop(lane, Drop::sk_malformed);
      continue;
    }
    r.plaintext = w.scratch.take(r.sk.ciphertext.size());
    if (!ike::open_sk(w.engine, r.session->suite, keys.sk_ei, keys.sk_ai, r.sk, r.plaintext)) {
      burst.drop(lane, Drop::sk_bad_icv);
      continue;
    }
    r.session->seen_ms = w.now.ms;
    opened.add(lane);
  }
  return opened;
}

bool is_liveness_check(const ike::Header& header, const OpenRequest& r) {
  crypto::Bytes inner;
  return header.exchange == ike::Exchange::informational &&
         r.sk.first_inner == ike::PayloadType::none && !r.sk.fragment &&
         ike::strip_padding({r.plaintext, r.sk.ciphertext.size()}, inner) ==
             ike::ParseError::none &&
         inner.empty();
}

std::size_t write_answer(Burst& burst, unsigned lane, Session& session, WorkerParts& w) {
  const ike::Header header{.spi_i = session.spi_i,
                           .spi_r = session.spi_r,
                           .exchange = ike::Exchange::informational,
                           .flags = ike::kFlagResponse,
                           .message_id = burst.header[lane].message_id};
  ike::SkBuilder builder(burst.reply_room(lane), header, session.suite);
  std::array<std::uint8_t, 16> iv{};
  if (ike::is_aead(session.suite.encr))
    crypto::store_be64(iv.data(), ++session.tx_counter);
  else
    w.random.fill(iv);
  return builder.finish(crypto::Bytes(iv).first(ike::iv_len(session.suite)));
}

// Keeps the answer for retransmission in place of the one before, which nobody can ask for any
// more.
void keep(Session& session, crypto::Bytes message, WorkerParts& w) {
  const std::size_t at = response_offset(session);
  const crypto::MutBytes packed = w.sessions.blob(session, at + message.size());
  session.response_len = 0;
  if (packed.size() < at + message.size()) return;
  std::memcpy(packed.data() + at, message.data(), message.size());
  session.response_len = static_cast<std::uint16_t>(message.size());
}

void send(Burst& burst, unsigned lane, std::size_t len, WorkerParts& w, Counter& counter) {
  if (!turn_into_reply(burst, lane, len, w.link, w.port.can_offload_checksums()))
    return burst.drop(lane, Drop::reply_too_large);
  burst.reply(lane);
  counter.add();
}

}  // namespace

void repeat_answers(Burst& burst, LaneSet in, WorkerParts& w) {
  if (in.empty()) return;
  PerLane<OpenRequest> requests;
  for (unsigned lane : open_requests(burst, in, requests, w)) {
    Session& session = *requests[lane].session;
    const crypto::MutBytes room = burst.reply_room(lane);
    // RFC 7383 §2.6.1: a fragmented request is answered again when its first fragment comes again.
    if (session.response_len == 0 || session.response_len > room.size() ||
        requests[lane].sk.fragment_number != 1) {
      burst.drop(lane, Drop::message_id_unexpected);
      continue;
    }
    std::memcpy(room.data(), w.sessions.blob(session, 0).data() + response_offset(session),
                session.response_len);
    send(burst, lane, session.response_len, w, w.counters.retransmitted_m4);
  }
}

void answer_dpd(Burst& burst, LaneSet in, WorkerParts& w) {
  if (in.empty()) return;
  PerLane<OpenRequest> requests;
  SealBatch batch;
  for (unsigned lane : open_requests(burst, in, requests, w)) {
    if (!is_liveness_check(burst.header[lane], requests[lane])) {
      adopt(burst, lane, requests[lane].slot, w);
      continue;
    }
    Session& session = *requests[lane].session;
    note_path(session, burst, lane);
    const std::size_t len = write_answer(burst, lane, session, w);
    if (len == 0) {
      burst.drop(lane, Drop::reply_too_large);
      continue;
    }
    ++session.next_message_id;
    const SessionKeys keys = session_keys(session, w.sessions.blob(session, 0));
    batch.add(lane, burst.reply_room(lane).first(len), {session.suite, keys.sk_er, keys.sk_ar});
  }
  batch.seal(w.engine);
  for (unsigned lane : batch.lanes()) {
    keep(*requests[lane].session, batch.message(lane), w);
    send(burst, lane, batch.message(lane).size(), w, w.counters.dpd_answers);
  }
}

}  // namespace dp
