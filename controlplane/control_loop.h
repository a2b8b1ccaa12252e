// ControlLoop: the thread beside the workers. It sleeps in poll, and between does what is due:
// issuers, key rotation, deny lists, counters.
//
// Everything it does is a round(), which takes the time as a value and never waits except for the
// disk; run() is the only place with a clock. Failures are logged and tried again at the next
// occasion: workers go on with what they have.
#pragma once

#include <spdlog/logger.h>

#include <cstdint>
#include <map>
#include <string>

#include "controlplane/config.h"
#include "controlplane/control_plane.h"
#include "controlplane/control_time.h"
#include "controlplane/issuer_stock.h"
#include "controlplane/ctl_server.h"
#include "controlplane/ctl_verbs.h"
#include "controlplane/report.h"
#include "controlplane/revocations.h"
#include "controlplane/signals.h"
#include "controlplane/ticket_keys.h"
#include "controlplane/workers.h"

namespace cp {

class ControlLoop {
 public:
  struct Parts {
    const GatewayConfig& config;
    std::string config_path;  // read again at HUP, for the deny lists
    Workers& workers;
    TicketKeys& keys;
    crypto::Random& random;
    spdlog::logger& log;
    std::string version;
    std::uint64_t tsc_hz = 0;
    // Null in tests of the other duties:
    ControlPlane* plane = nullptr;        // full IKEv2
    Revocations* revocations = nullptr;   // what was refused at run time
  };
  ControlLoop(Parts parts, Time now);

  // Before workers start: keyring, deny lists and an issuer for each worker. A full disk keeps new
  // tickets from being issued, but no client from coming back, so it does not fail.
  void prepare(const Time& wall);
  // What is due beside messages.
  void round(const Time& wall);
  // HUP or resurgectl: the keyring when its file changed, connections and their credentials, deny
  // lists. All or nothing; what is wrong is logged and returned.
  CtlReload reload();
  // resurgectl: the id of the key that seals now.
  crypto::Result<std::string> rotate_keys();
  // resurgectl: refuses tickets from now on and after every restart. What was done, as a sentence.
  crypto::Result<std::string> revoke(const CtlRevocation& revocation);
  // Serves messages as they come and rounds now and then, until INT or TERM.
  void run(Signals& signals);
  // When the configuration was read again last, monotonic; 0 = never.
  std::uint64_t reloaded_ms() const { return reloaded_ms_; }
  // The control socket, served from the next sleep on. Null: none. Outlives run().
  void listen(CtlServer* server) { server_ = server; }
  // After workers have stopped: used tickets to the disk, the last stats, the report.
  std::string finish(const Time& now);

 private:
  // `now`, not before the latest time that the state directory has seen; says so when the clock is
  // behind that.
  Time judged(Time now);
  // Sleeps until something comes or is due. False: INT or TERM.
  bool sleep(Signals& signals, int timeout_ms);
  int pause_ms(const Time& now, bool busy) const;
  void rotate(const Time& now);
  void publish_denied();
  void look_after_issuers(const Time& now);
  void summarize(const Time& now);
  std::string control_summary(double seconds);
  void write_stats(const Time& now);
  // Logs a failure once, until its text changes or `what` works again.
  void note(std::string_view what, const crypto::Status& status);
  double seconds_since_start(const Time& now) const {
    return static_cast<double>(now.ms - start_.ms) / 1000;
  }

  Parts parts_;
  dp::DenyList denied_;  // of the configuration in force
  std::uint64_t reloaded_ms_ = 0;
  CtlServer* server_ = nullptr;
  Time start_;
  IssuerStock stock_;
  Periodic rotation_{1000};
  Periodic sweep_{60'000};
  Periodic flush_{30'000};
  Periodic summary_;
  Periodic stats_;
  Totals last_totals_;
  std::uint64_t last_summary_ms_;
  std::uint64_t last_handshakes_ = 0;
  std::map<std::string, std::string, std::less<>> failures_;  // by what was tried
};

}  // namespace cp
