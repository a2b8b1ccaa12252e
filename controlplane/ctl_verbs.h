// CtlVerbs: what resurgectl can ask of a running gateway, as data. The control socket
// (ctl_server.h) speaks with whoever implements it; tests implement it with a table of their own.
//
// Control thread only, like everything that the answers come from. No call may wait; lists that can
// be long are asked for in pages.
#pragma once

#include <cstdint>
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

struct CtlChild {
  ike::EspSpi spi_in, spi_out;
  ike::Suite suite;
  std::uint64_t installed_s = 0;  // since then
  std::uint64_t bytes_in = 0, bytes_out = 0, packets_in = 0, packets_out = 0;
  ike::SelectorList local_ts, remote_ts;
};

struct CtlSa {
  std::string connection;
  std::string state;  // "half-open", "eap", "established", ...
  ike::IkeSpi spi_i, spi_r;
  unsigned worker = 0;
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
};

// A part of a list. `next` is where the following one begins; 0 = this was the last.
template <class Row>
struct CtlPage {
  std::vector<Row> rows;
  std::uint64_t next = 0;
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
  std::uint64_t issuers = 0;                                // of tickets: used-sets that are mapped
  std::string sealing_key;                                  // id of the ticket key that seals
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

  // From `from` on (0 = the beginning), at most kCtlPageRows. SAs that come or go between two pages
  // may be missed; none is shown twice.
  virtual CtlPage<CtlSa> list_sas(const CtlSelection& selection, std::uint64_t from) = 0;
  virtual const std::vector<Connection>& connections() = 0;  // in force, until the next call
  virtual std::vector<CtlPool> list_pools() = 0;
  virtual CtlStats stats() = 0;
  virtual std::vector<CtlValue> counters() = 0;

  // Begins to close what is selected; returns how many. An error when the selection is empty of
  // conditions: nobody shall close all by leaving out a word.
  virtual crypto::Result<std::uint64_t> terminate(const CtlSelection& selection) = 0;
  // The id of the key that seals now.
  virtual crypto::Result<std::string> rotate_keys() = 0;
  // What was done, as a sentence.
  virtual crypto::Result<std::string> revoke(const CtlRevocation& revocation) = 0;
  virtual CtlReload reload() = 0;
};

}  // namespace cp
