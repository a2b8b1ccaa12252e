// IKE_SA_INIT: the first message makes a half-open SA or a refusal.
//
// The key pair is drawn here; the shared secret is computed when IKE_AUTH comes, so that a flood of
// first messages costs half. Cookies were the workers' business before (RFC 7296 §2.6).
#include <algorithm>

#include "controlplane/handlers.h"
#include "controlplane/ke_groups.h"
#include "ike/key_schedule.h"
#include "ike/nat_detection.h"
#include "ike/proposal.h"
#include "ike/resume.h"

namespace cp {
namespace {

// The hashes that our signatures can be made and checked with (RFC 7427 §4).
constexpr std::uint16_t kOurHashes =
    ike::hash_bit(ike::HashId::sha2_256) | ike::hash_bit(ike::HashId::sha2_384) |
    ike::hash_bit(ike::HashId::sha2_512) | ike::hash_bit(ike::HashId::identity);

Octets refusal(const ike::Header& header, ike::Notify why, crypto::Bytes data = {}) {
  Octets answer(128);
  answer.resize(ike::write_clear_notify(header, why, data, answer));
  return answer;
}

Octets wants_group(const ike::Header& header, ike::KeId wanted) {
  Octets answer(ike::kInvalidKeLen);
  answer.resize(ike::write_invalid_ke(header, wanted, answer));
  return answer;
}

// The suites of our connections whose groups this machine can do. Additional key exchanges need
// IKE_INTERMEDIATE (RFC 9370 §2.2.1).
std::vector<ike::Suite> suites_for(const ike::SaInitRequest& request, crypto::Bytes local_address,
                                   const Plane& plane) {
  std::vector<ike::Suite> suites = plane.policy->ike_suites(local_address);
  std::erase_if(suites, [&](const ike::Suite& s) {
    return !has_usable_kes(s) || (!s.additional.empty() && !request.intermediate_supported);
  });
  return suites;
}

// Our half of the key exchange. A Diffie-Hellman secret is computed later; a KEM's answer depends
// on the peer's key, so its secret is there at once. False when the peer's value is bad.
bool begin_ke(crypto::KeGroup group, Handshake& h, Octets& answer) {
  if (group == crypto::KeGroup::ml_kem_768) {
    h.shared = crypto::SecretBytes(crypto::ke_shared_len(group));
    return crypto::KeyExchange::respond(group, h.peer_ke, answer, h.shared.fill());
  }
  h.ke = crypto::KeyExchange::make(group);
  answer = copy_of(h.ke->public_value());
  return true;
}

Octets write_answer(const IkeSa& sa, crypto::Bytes ke, std::uint8_t proposal_number, Plane& plane) {
  const Handshake& h = *sa.handshake;
  const Credentials::InitSwitches switches = plane.policy->init_switches(sa.path.local_octets());
  ike::NatHash source =
      ike::nat_hash(plane.engine, sa.spi_i, sa.spi_r, sa.path.local_octets(), sa.path.local_port);
  // Who finds a NAT sends ESP in UDP (RFC 7296 §2.23).
  if (switches.encap) source.fill(0);
  const ike::NatHash destination =
      ike::nat_hash(plane.engine, sa.spi_i, sa.spi_r, sa.path.peer_octets(), sa.path.peer_port);
  const std::vector<crypto::AuthorityHash> authorities =
      plane.policy->certreq(sa.path.local_octets());
  const ike::SaInitResponse response{
      .spi_i = sa.spi_i,
      .spi_r = sa.spi_r,
      .proposal_number = proposal_number,
      .suite = sa.suite,
      .ke_data = ke,
      .nonce = h.nonce_r,
      .nat_source = source,
      .nat_destination = destination,
      .fragmentation_supported = sa.fragmentation,
      .childless_supported = switches.childless,
      .intermediate_supported = h.has_intermediate,
      .signature_hashes = h.signature_hashes == 0 ? std::uint16_t{0} : kOurHashes,
      .has_certreq = !authorities.empty(),
      .authorities = authorities};
  Octets answer(dp::kSeamMessageMax);
  answer.resize(ike::write_sa_init_response(response, answer));
  answer.shrink_to_fit();  // kept while half-open
  return answer;
}

std::unique_ptr<IkeSa> make_sa(const ike::SaInitRequest& request, const dp::PeerPath& path,
                               const ike::Suite& suite, Plane& plane) {
  auto sa = std::make_unique<IkeSa>();
  sa->spi_i = request.spi_i;
  sa->spi_r = plane.workers.new_control_spi(plane.random);
  sa->suite = suite;
  sa->path = path;
  sa->window = ExchangeWindow(ike::MessageId(1));
  sa->created_ms = sa->heard_ms = plane.now.ms;
  const Credentials::InitSwitches switches = plane.policy->init_switches(path.local_octets());
  sa->fragmentation = request.fragmentation_supported && switches.fragmentation;
  const ike::IkeSpi none{0};
  sa->nat_there = ike::sender_behind_nat(
      request,
      ike::nat_hash(plane.engine, request.spi_i, none, path.peer_octets(), path.peer_port));
  sa->nat_here = ike::receiver_behind_nat(
      request,
      ike::nat_hash(plane.engine, request.spi_i, none, path.local_octets(), path.local_port));
  if (switches.encap) sa->nat_here = true;
  sa->handshake = std::make_unique<Handshake>();
  Handshake& h = *sa->handshake;
  h.peer_ke = copy_of(request.ke_data);
  h.message1 = copy_of(request.message);
  h.nonce_i = copy_of(request.nonce);
  h.nonce_r.resize(ike::kNonceLen);
  plane.random.fill(h.nonce_r);
  h.signature_hashes = request.signature_hashes;
  h.has_intermediate = request.intermediate_supported;
  h.next_ke = suite.additional.next(0);
  if (!suite.additional.empty()) sa->state = SaState::intermediate;
  return sa;
}

}  // namespace

SaInitOutcome on_sa_init(const dp::PeerPath& path, crypto::Bytes message, const ike::Header& header,
                         Plane& plane) {
  ike::SaInitRequest request;
  ike::PayloadType offending = ike::PayloadType::none;
  const ike::ParseError error = ike::parse_sa_init_request(message, request, offending);
  if (error != ike::ParseError::none) {
    ++plane.counters.malformed;
    const MalformedAnswer says(error, offending);
    return {nullptr, refusal(header, says.why, says.data)};
  }
  ike::Choice choice;
  bool ke_fits = false;
  if (!ike::choose_with_ke(request.sa, ike::Protocol::ike,
                           suites_for(request, path.local_octets(), plane), request.ke,
                           ike::KePolicy::save_round_trip, choice, ke_fits)) {
    ++plane.counters.no_proposal;
    return {nullptr, refusal(header, ike::Notify::no_proposal_chosen)};
  }
  if (!ke_fits) {
    ++plane.counters.invalid_ke;
    return {nullptr, wants_group(header, choice.suite.ke)};
  }
  // RFC 7296 §3.4: the length follows from the group; the value is looked at later.
  if (request.ke_data.size() != crypto::ke_public_len(*ke_group(choice.suite.ke))) {
    ++plane.counters.malformed;
    return {nullptr, refusal(header, ike::Notify::invalid_syntax)};
  }
  std::unique_ptr<IkeSa> sa = make_sa(request, path, choice.suite, plane);
  Octets ke;
  if (!begin_ke(*ke_group(choice.suite.ke), *sa->handshake, ke)) {
    ++plane.counters.malformed;
    return {nullptr, refusal(header, ike::Notify::invalid_syntax)};
  }
  sa->handshake->message2 = write_answer(*sa, ke, choice.proposal_number, plane);
  CHECK(!sa->handshake->message2.empty());
  ++plane.counters.sa_init_started;
  Octets answer = sa->handshake->message2;
  return {std::move(sa), std::move(answer)};
}

bool derive_handshake_keys(IkeSa& sa, Plane& plane) {
  Handshake& h = *sa.handshake;
  if (h.have_keys) return true;
  if (h.ke != nullptr) {
    h.shared = crypto::SecretBytes(crypto::ke_shared_len(h.ke->group()));
    if (!h.ke->derive(h.peer_ke, h.shared.fill())) return false;
  }
  ike::derive_ike_keys(plane.engine, sa.suite, h.shared.reveal(), h.nonce_i, h.nonce_r, sa.spi_i,
                       sa.spi_r,
                       crypto::MutBytes(sa.keymat.fill()).first(ike::ike_keymat_len(sa.suite)));
  h.have_keys = true;
  h.ke.reset();
  h.shared = {};
  return true;
}

}  // namespace cp
