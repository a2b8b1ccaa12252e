// Workers: what the control thread asks of the workers' side. tools/gateway binds it to the real
// tables, so this layer needs nothing of the data plane but the letter-box in dataplane/api.
//
// An interface, because the layer rule forbids to see the tables, and tests of the control thread
// then need no EAL and no port. Control thread only, except where noted.
#pragma once

#include <cstdint>

#include "crypto/base/error.h"
#include "crypto/keyring.h"
#include "dataplane/api/counters.h"
#include "dataplane/api/handoff.h"
#include "ike/ids.h"

namespace cp {

class Workers {
 public:
  virtual ~Workers() = default;

  virtual unsigned worker_count() const = 0;
  virtual const dp::WorkerCounters& counters(unsigned worker) const = 0;  // any thread

  // Workers see the new object from their next burst on.
  virtual void publish(crypto::KeyringSnapshot keyring) = 0;
  virtual void publish(dp::DenyList denied) = 0;
  // Destroys what was replaced and no worker can hold any more.
  virtual void reclaim() = 0;

  virtual dp::IssuerRequests& issuer_requests() = 0;
  virtual dp::IssuerSupply& issuer_supply(unsigned worker) = 0;
  // The used-set of an issuer, made when there is none; kept at least until `valid_until_s`.
  virtual crypto::Result<dp::IssuerUse*> open_issuer(ike::IssuerId issuer,
                                                     std::uint64_t valid_until_s) = 0;
  // Removes used-sets whose tickets have all expired; returns how many.
  virtual std::size_t sweep_issuers(std::uint64_t now_s) = 0;
  // Writes used tickets to the disk. Blocks.
  virtual crypto::Status flush_issuers() = 0;
};

}  // namespace cp
