// CtlVerbs: what resurgectl can ask of a running gateway, as data. The control socket
// (ctl_server.h) speaks with whoever implements it; tests implement it with a table of their own.
//
// Control thread only, like everything that the answers come from. No call may wait; lists that can
// be long are asked for in pages.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/connection.h"
#include "controlplane/id_pattern.h"
#include "controlplane/value_text.h"
#include "crypto/base/error.h"
#include "ike/ids.h"
#include "ike/suite.h"
#include "ike/traffic_selector.h"

namespace cp {

struct CtlEndpoint {
  Address address;
  std::uint16_t port = 0;
};

// What a Child SA has carried: octets of ESP packets, from SPI to ICV.
struct CtlTraffic {
  std::uint64_t packets_in = 0, bytes_in = 0, packets_out = 0, bytes_out = 0;
  std::uint64_t drops_in = 0, drops_out = 0;
  std::optional<std::uint64_t> last_in_s;  // since the last authentic packet; nothing: none came
};

struct CtlChild {
  ike::EspSpi spi_in, spi_out;
  unsigned worker = 0;  // that has it
  ike::Suite suite;
  std::uint64_t installed_s = 0;      // since then
  std::optional<CtlTraffic> traffic;  // nothing: its worker did not say
  ike::SelectorList local_ts, remote_ts;
};

struct CtlSa {
  std::string connection;
  std::string state;  // "half-open", "eap", "established", ...; "resumed" of a worker's
  ike::IkeSpi spi_i, spi_r;
  ike::IkeSpi own_spi;     // which of the two is ours
  bool by_worker = false;  // served by that worker alone, else by the control thread
  unsigned worker = 0;     // that its packets come through
  CtlEndpoint local, remote;
  IdBody local_id, remote_id;  // empty before authentication
  std::string eap_identity;
  ike::Suite suite;
  std::uint64_t established_s = 0;          // since then; since it was created before
  std::optional<std::uint64_t> rekey_in_s;  // nothing: never
  std::optional<std::uint64_t> ends_in_s;
  unsigned resumptions = 0;  // since the last full authentication
  bool nat = false, mobike = false;
  std::vector<Address> addresses;  // leased to the client
  ike::IssuerId issuer;            // of the ticket issued last
  ike::TicketSerial serial;        // 0 = none
  std::vector<CtlChild> children;
};

// Which IKE SAs are meant. What is not said fits all.
struct CtlSelection {
  std::optional<ike::IkeSpi> spi_r;
  std::optional<IdPattern> identity;  // of the client
  std::string connection;
  std::optional<Address> address;  // leased to the client
  std::optional<Address> remote;   // that the client comes from
  std::optional<unsigned> worker;  // that its packets come through

  bool says_nothing() const {
    return !spi_r && !identity && connection.empty() && !address && !remote && !worker;
  }
};

// A list that is being read. Workers may have to be asked, so it comes in parts.
class CtlListing {
 public:
  virtual ~CtlListing() = default;
  // At most kCtlPageRows. No rows: they are not there yet, or it is over.
  virtual std::vector<CtlSa> next() = 0;
  virtual bool is_over() const = 0;
  virtual bool waits() const = 0;  // for a worker: there is no use in asking again at once
  // When it is over: rows that the limit left out, and workers that did not answer in time, whose
  // SAs or counters are missing.
  virtual std::uint64_t more() const = 0;
  virtual std::vector<unsigned> silent() const = 0;
};

// SAs that are being closed. It goes on when nobody looks any more.
struct CtlEnding {
  bool is_over = false;  // all that were meant were found
  std::uint64_t closing = 0;
  std::vector<unsigned> silent;  // workers that did not answer: theirs go on
};
inline constexpr std::size_t kCtlPageRows = 64;

struct CtlPool {
  std::string name;  // "ipv4", "ipv6"
  std::string range;
  std::uint64_t size = 0, used = 0;
};

struct CtlValue {
  std::string name;
  std::uint64_t value = 0;
  std::string meaning;
};

struct CtlStats {
  std::string version;
  std::uint64_t uptime_s = 0;
  unsigned workers = 0;
  std::uint64_t worker_sessions = 0;                        // resumed, on workers
  std::uint64_t ike_sas = 0, half_open = 0, child_sas = 0;  // of the control thread
  std::uint64_t closing = 0;  // resumed SAs that terminate has not done with
  std::uint64_t issuers = 0;  // of tickets: used-sets that are mapped
  std::string sealing_key;    // id of the ticket key that seals
  std::uint64_t key_age_s = 0;
  std::uint64_t config_read_s = 0;  // since the connections in force were read
};

// What tickets shall be refused from now on.
struct CtlRevocation {
  enum class Kind : std::uint8_t { identity, ticket, issuer, generation };
  Kind kind = Kind::identity;
  IdBody identity;
  ike::IssuerId issuer;          // of ticket and issuer
  ike::TicketSerial serial;      // of ticket
  std::uint32_t generation = 0;  // tickets of a smaller one
};

struct CtlReload {
  std::vector<std::string> mistakes;      // not empty: nothing was changed
  std::vector<std::string> need_restart;  // keys that have changed and are not in force
};

class CtlVerbs {
 public:
  virtual ~CtlVerbs() = default;

  // At most `limit` rows (0 = all). SAs that come or go meanwhile may be missed; none is shown
  // twice. An error when there is no such worker.
  virtual crypto::Result<std::unique_ptr<CtlListing>> list_sas(const CtlSelection& selection,
                                                               std::uint64_t limit) = 0;
  virtual const std::vector<Connection>& connections() = 0;  // in force, until the next call
  virtual std::vector<CtlPool> list_pools() = 0;
  virtual CtlStats stats() = 0;
  virtual std::vector<CtlValue> counters() = 0;

  // Begins to close what is selected. An error when the selection is empty of conditions: nobody
  // shall close all by leaving out a word.
  virtual crypto::Result<std::shared_ptr<const CtlEnding>> terminate(
      const CtlSelection& selection) = 0;
  // The id of the key that seals now.
  virtual crypto::Result<std::string> rotate_keys() = 0;
  // What was done, as a sentence.
  virtual crypto::Result<std::string> revoke(const CtlRevocation& revocation) = 0;
  virtual CtlReload reload() = 0;
};

}  // namespace cp
