// WorkerState: the tables and scratch memory of one worker, made once and never grown.
#pragma once

#include <memory>

#include "dataplane/inside.h"
#include "dataplane/punt.h"
#include "dataplane/reassembler.h"
#include "dataplane/stages.h"
#include "dataplane/worker.h"

namespace dp {

// What can fail to be made.
struct Tables {
  std::unique_ptr<SpiCodec> codec;
  std::unique_ptr<SessionTable> sessions;
  std::unique_ptr<EspTable> esp;
  std::unique_ptr<EspKeyCache> esp_keys;
  std::unique_ptr<Fragments> fragments;
  std::unique_ptr<Reassembler> reassembler;
};

class WorkerState {
 public:
  WorkerState(unsigned index, SharedState& shared, std::unique_ptr<crypto::Engine> engine,
              PacketPort& port, const Link& link, std::unique_ptr<crypto::Random> random,
              Tables tables, CycleClock cycles, const InsidePort* inside);

  // Takes time and published state for one burst.
  void begin_burst(const Now& now);
  // Charges the cycles since the last mark to `stage`.
  void mark(Stage stage) {
    const std::uint64_t at = cycles_();
    counters_.stage_cycles[static_cast<std::size_t>(stage)].add(at - last_mark_);
    last_mark_ = at;
  }

  SharedState& shared_;
  CycleClock cycles_;
  std::uint64_t last_mark_ = 0;
  WorkerCounters counters_;
  Link link_, inside_link_;
  std::unique_ptr<crypto::Engine> engine_;
  std::unique_ptr<crypto::Random> random_;
  std::unique_ptr<SpiCodec> codec_;
  std::unique_ptr<SessionTable> sessions_;
  std::unique_ptr<EspTable> esp_;
  std::unique_ptr<EspKeyCache> esp_keys_;
  std::unique_ptr<Fragments> fragments_;
  std::unique_ptr<Reassembler> reassembler_;
  RequestIndex requests_;
  SourceLimits sources_;
  CookieJar cookies_;
  TicketKeys ticket_keys_;
  TicketMint mint_;
  WaitingEnds waiting_ends_;
  Scratch scratch_;
  Burst burst_, inside_burst_;
  ResumeTrip resume_trip_;
  AuthTrip auth_trip_;
  EspTrip esp_trip_;
  Pieces pieces_;
  NeighbourQueue waiting_;
  WorkerParts parts_;
};

}  // namespace dp
