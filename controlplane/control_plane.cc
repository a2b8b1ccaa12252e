// The rounds of full IKEv2.
#include "controlplane/control_plane.h"

#include <algorithm>

namespace cp {
namespace {

// Letters of one worker in one round: the other duties of the control thread wait no longer.
constexpr unsigned kLettersPerRound = 64;
constexpr unsigned kDeadlinesPerRound = 256;

}  // namespace

ControlPlane::ControlPlane(Parts parts)
    : policy_(std::move(parts.policy)),
      engine_(std::move(parts.engine)),
      radius_(std::move(parts.radius)),
      qcd_secret_(std::move(parts.qcd_secret)),
      tickets_(parts.workers, parts.keys, *engine_, parts.random, parts.workers_config.tickets),
      plane_{.policy = policy_.get(),
             .workers_config = parts.workers_config,
             .workers = parts.workers,
             .engine = *engine_,
             .random = parts.random,
             .tickets = tickets_,
             .sas = table_,
             .radius = radius_.get(),
             .eap = std::move(parts.eap),
             .qcd_secret = qcd_secret_.reveal(),
             .log = parts.log,
             .retransmit = parts.retransmit,
             .now = {},
             .counters = {}},
      machine_(plane_),
      reports_(parts.workers) {}

bool ControlPlane::serve(const Time& now) {
  plane_.now = now;
  bool more = false;
  for (unsigned worker = 0; worker < plane_.workers.worker_count(); ++worker) {
    unsigned served = 0;
    for (; served < kLettersPerRound; ++served) {
      const dp::Punt* punt = plane_.workers.next_punt(worker);
      if (punt == nullptr) break;
      if (punt->kind == dp::PuntKind::reported)
        reports_.receive(worker);
      else
        machine_.receive(worker, *punt);
      plane_.workers.punt_done(worker);
    }
    more = more || served == kLettersPerRound;
  }
  if (radius_ != nullptr) {
    radius_->on_timer(now.ms);
    for (const std::uint64_t spi : radius_->take_progressed())
      machine_.eap_progressed(ike::IkeSpi(spi));
  }
  machine_.run_timers(kDeadlinesPerRound);
  machine_.run_recalls();
  machine_.flush_orders();
  reports_.serve(now.ms);
  watch_load();
  return more;
}

// RFC 7296 §2.6: cookies go on by half-opens, whose addresses nobody has proved yet, and stay on
// for a while.
void ControlPlane::watch_load() {
  const dp::AdmissionConfig& admission = plane_.workers_config.admission;
  const std::uint64_t now = plane_.now.ms;
  bool wanted = admission.cookies == dp::CookieMode::always;
  if (admission.cookies == dp::CookieMode::automatic) {
    if (table_.half_open_count() >= admission.cookie_on_half_opens)
      cookies_until_ms_ = now + admission.cookie_hold_ms;
    wanted = now < cookies_until_ms_;
  }
  if (wanted == cookies_) return;
  cookies_ = wanted;
  plane_.workers.set_sa_init_cookies(wanted);
  plane_.log.info("cookies for IKE_SA_INIT {}: {} half-open", wanted ? "on" : "off",
                  table_.half_open_count());
}

std::uint64_t ControlPlane::next_deadline_ms() const {
  std::uint64_t at = table_.next_deadline_ms();
  if (radius_ != nullptr) at = std::min(at, radius_->next_deadline_ms());
  return at;
}

void ControlPlane::replace_policy(std::unique_ptr<const Credentials> policy) {
  plane_.policy = policy.get();
  policy_ = std::move(policy);
}

}  // namespace cp
