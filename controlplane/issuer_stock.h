// IssuerStock: keeps every worker supplied with a fresh issuer, and opens the used-sets that
// workers ask for.
//
// An issuer id is drawn at random and used once, by one worker of one start, so the nonces of
// tickets are unique over restarts and gateways (architecture of the ticket: ike/ticket.h). A
// used-set lives as long as a ticket that it has to remember: workers extend it when they seal a
// ticket and when they spend one; here it is kept from vanishing under an issuer that is in use
// but idle. Control thread only.
#pragma once

#include <cstdint>
#include <vector>

#include "controlplane/workers.h"
#include "crypto/random.h"

namespace cp {

class IssuerStock {
 public:
  // `ticket_life_s`: the longest time for which a ticket can be good after it was seen.
  IssuerStock(Workers& workers, crypto::Random& random, std::uint32_t ticket_life_s)
      : workers_(workers),
        random_(random),
        ticket_life_s_(ticket_life_s),
        held_(workers.worker_count()) {}

  // Gives an issuer to every worker whose spare one is gone. To be called before workers start, and
  // often.
  crypto::Status refill(std::uint64_t now_s);
  // Opens the used-sets that workers asked for; returns how many.
  crypto::Result<std::size_t> answer_requests(std::uint64_t now_s);
  // Extends what is in use, then removes what has expired; returns how many were removed. The order
  // matters when the wall clock jumps ahead.
  crypto::Result<std::size_t> sweep(std::uint64_t now_s);

 private:
  // What one worker has of us, by issuer id; 0 = nothing yet.
  struct Held {
    ike::IssuerId sealing;
    ike::IssuerId spare;
  };
  Workers& workers_;
  crypto::Random& random_;
  std::uint32_t ticket_life_s_;
  std::vector<Held> held_;
};

}  // namespace cp
