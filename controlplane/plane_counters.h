// PlaneCounters: what the control thread did with messages and SAs, and what each number means.
// One writer, the control thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace cp {

struct PlaneCounters {
  std::uint64_t requests = 0;
  std::uint64_t responses = 0;
  std::uint64_t repeated = 0;
  std::uint64_t stale = 0;
  std::uint64_t unknown_spi = 0;
  std::uint64_t bad_header = 0;
  std::uint64_t bad_icv = 0;
  std::uint64_t malformed = 0;
  std::uint64_t unexpected = 0;
  std::uint64_t sa_init_started = 0;
  std::uint64_t sa_init_refused = 0;
  std::uint64_t invalid_ke = 0;
  std::uint64_t no_proposal = 0;
  std::uint64_t half_open_limit = 0;
  std::uint64_t sas_limit = 0;
  std::uint64_t half_open_expired = 0;
  std::uint64_t intermediates = 0;
  std::uint64_t intermediate_refused = 0;
  std::uint64_t handshakes = 0;
  std::uint64_t auth_failed = 0;
  std::uint64_t eap_started = 0;
  std::uint64_t eap_failed = 0;
  std::uint64_t child_failures = 0;
  std::uint64_t children_made = 0;
  std::uint64_t children_rekeyed = 0;
  std::uint64_t children_deleted = 0;
  std::uint64_t ike_rekeyed = 0;
  std::uint64_t rekeys_crossed = 0;
  std::uint64_t followup_kes = 0;
  std::uint64_t followup_ke_lost = 0;
  std::uint64_t ike_deleted = 0;
  std::uint64_t adopted = 0;
  std::uint64_t recalls_lost = 0;
  std::uint64_t superseded = 0;
  std::uint64_t moved = 0;
  std::uint64_t tickets = 0;
  std::uint64_t tickets_revoked = 0;
  std::uint64_t liveness_sent = 0;
  std::uint64_t peers_dead = 0;
  std::uint64_t retransmissions = 0;
  std::uint64_t fragments_limit = 0;
  std::uint64_t orders_lost = 0;
  std::uint64_t orders_kept = 0;
  std::uint64_t crash_answers = 0;
  std::uint64_t crash_answers_limited = 0;
};

struct PlaneCounterRow {
  std::string_view name;
  std::uint64_t PlaneCounters::* value;
  std::string_view meaning;
};
inline constexpr auto kPlaneCounterRows = std::to_array<PlaneCounterRow>({
    {"requests", &PlaneCounters::requests, "IKE requests that came to the control thread"},
    {"responses", &PlaneCounters::responses, "responses to requests of ours"},
    {"repeated", &PlaneCounters::repeated,
     "requests that were sent again and got their answer again"},
    {"stale", &PlaneCounters::stale, "Message IDs outside the window"},
    {"unknown_spi", &PlaneCounters::unknown_spi, "messages for an IKE SA that is not here"},
    {"bad_header", &PlaneCounters::bad_header, "messages whose header is impossible"},
    {"bad_icv", &PlaneCounters::bad_icv, "messages that are not authentic, or unprotected"},
    {"malformed", &PlaneCounters::malformed, "payloads that cannot be read; answered"},
    {"unexpected", &PlaneCounters::unexpected, "exchanges that the state does not allow"},
    {"sa_init_started", &PlaneCounters::sa_init_started, "IKE_SA_INIT that made a half-open SA"},
    {"sa_init_refused", &PlaneCounters::sa_init_refused, "IKE_SA_INIT that were refused"},
    {"invalid_ke", &PlaneCounters::invalid_ke, "answers that ask for another group"},
    {"no_proposal", &PlaneCounters::no_proposal, "IKE_SA_INIT without a proposal that fits"},
    {"half_open_limit", &PlaneCounters::half_open_limit,
     "IKE_SA_INIT dropped: too many half-open SAs"},
    {"sas_limit", &PlaneCounters::sas_limit, "IKE_SA_INIT dropped: too many IKE SAs"},
    {"half_open_expired", &PlaneCounters::half_open_expired,
     "half-open SAs whose IKE_AUTH never came"},
    {"intermediates", &PlaneCounters::intermediates, "IKE_INTERMEDIATE served"},
    {"intermediate_refused", &PlaneCounters::intermediate_refused,
     "IKE_INTERMEDIATE refused: unreadable, or not the key exchange that is owed"},
    {"handshakes", &PlaneCounters::handshakes, "SAs authenticated by a full handshake"},
    {"auth_failed", &PlaneCounters::auth_failed, "IKE_AUTH refused"},
    {"eap_started", &PlaneCounters::eap_started, "conversations with RADIUS begun"},
    {"eap_failed", &PlaneCounters::eap_failed, "conversations that ended with a refusal"},
    {"child_failures", &PlaneCounters::child_failures,
     "IKE SAs that came up without their Child SA"},
    {"children_made", &PlaneCounters::children_made, "Child SAs made"},
    {"children_rekeyed", &PlaneCounters::children_rekeyed, "Child SAs replaced by a rekey"},
    {"children_deleted", &PlaneCounters::children_deleted, "Child SAs removed"},
    {"ike_rekeyed", &PlaneCounters::ike_rekeyed, "IKE SAs replaced by a rekey"},
    {"rekeys_crossed", &PlaneCounters::rekeys_crossed,
     "rekeys of peers that met one of ours of the same SA"},
    {"followup_kes", &PlaneCounters::followup_kes,
     "IKE_FOLLOWUP_KE served, and answers to ours that were good"},
    {"followup_ke_lost", &PlaneCounters::followup_ke_lost,
     "CREATE_CHILD_SA given up because its IKE_FOLLOWUP_KE failed or never came"},
    {"ike_deleted", &PlaneCounters::ike_deleted, "IKE SAs removed"},
    {"adopted", &PlaneCounters::adopted, "resumed SAs taken over from workers"},
    {"recalls_lost", &PlaneCounters::recalls_lost,
     "resumed SAs that were to be closed and that their worker did not hand over"},
    {"superseded", &PlaneCounters::superseded, "SAs that ended because their client resumed"},
    {"moved", &PlaneCounters::moved, "peers that came from another address"},
    {"tickets", &PlaneCounters::tickets, "tickets issued"},
    {"tickets_revoked", &PlaneCounters::tickets_revoked, "tickets that died with their SA"},
    {"liveness_sent", &PlaneCounters::liveness_sent, "liveness checks sent"},
    {"peers_dead", &PlaneCounters::peers_dead, "SAs closed because the peer was silent"},
    {"retransmissions", &PlaneCounters::retransmissions, "requests of ours sent again"},
    {"fragments_limit", &PlaneCounters::fragments_limit,
     "fragments dropped: too many messages wait for theirs"},
    {"orders_lost", &PlaneCounters::orders_lost, "messages to be sent that found the ring full"},
    {"orders_kept", &PlaneCounters::orders_kept,
     "letters about SAs that waited for room in the ring"},
    {"crash_answers", &PlaneCounters::crash_answers, "answers that say that an SA is not here"},
    {"crash_answers_limited", &PlaneCounters::crash_answers_limited,
     "... not sent: over the limit"},
});
static_assert(kPlaneCounterRows.size() * sizeof(std::uint64_t) == sizeof(PlaneCounters),
              "every counter has a row");

}  // namespace cp
