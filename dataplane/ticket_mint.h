// TicketMint: hands out issuer and serial of the tickets that one worker seals.
//
// A serial is used once per issuer, which makes the GCM nonce unique. When an issuer runs out of
// serials the worker takes the next one from its IssuerSupply; until the control thread has filled
// that, no tickets are issued and clients are told TICKET_NACK for the request. Worker thread only.
#pragma once

#include <cstdint>

#include "dataplane/api/handoff.h"
#include "dataplane/used_set.h"

namespace dp {

class TicketMint {
 public:
  explicit TicketMint(IssuerSupply& supply) : supply_(supply) {}

  struct Stamp {
    IssuerUse* issuer = nullptr;  // null = none to be had
    ike::TicketSerial serial;
  };
  Stamp next() {
    if (issuer_ == nullptr || next_serial_ >= issuer_->capacity()) {
      IssuerUse* fresh = supply_.ready.exchange(nullptr, std::memory_order_acq_rel);
      if (fresh == nullptr) return {};
      issuer_ = fresh;
      next_serial_ = 1;
    }
    return {issuer_, ike::TicketSerial(next_serial_++)};
  }

 private:
  IssuerSupply& supply_;
  IssuerUse* issuer_ = nullptr;
  std::uint64_t next_serial_ = 1;
};

}  // namespace dp
