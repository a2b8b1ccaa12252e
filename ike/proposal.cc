// SA payloads: one checking walk, and one walk that turns each proposal into sets to choose from.
#include "ike/proposal.h"

#include <array>
#include <bit>
#include <utility>

namespace ike {
namespace {

constexpr std::uint16_t kKeyLengthAttribute = 14;
constexpr std::uint16_t kAttributeFixedForm = 0x8000;

struct ProposalView {
  bool last = false;
  std::uint8_t number = 0;
  std::uint8_t protocol = 0;
  std::uint8_t transform_count = 0;
  crypto::Bytes spi;
  crypto::ByteReader transforms;
};

bool take_proposal(crypto::ByteReader& reader, ProposalView& out) {
  crypto::Bytes fixed;
  if (!reader.take(8, fixed)) return false;
  const std::size_t len = crypto::load_be16(fixed.data() + 2);
  crypto::Bytes rest;
  if ((fixed[0] != 0 && fixed[0] != 2) || len < 8 || !reader.take(len - 8, rest)) return false;
  out.last = fixed[0] == 0;
  out.number = fixed[4];
  out.protocol = fixed[5];
  out.transform_count = fixed[7];
  out.transforms = crypto::ByteReader(rest);
  return out.transforms.take(fixed[6], out.spi);
}

struct TransformView {
  bool last = false;
  std::uint8_t type = 0;
  std::uint16_t id = 0;
  crypto::ByteReader attributes;
};

bool take_transform(crypto::ByteReader& reader, TransformView& out) {
  crypto::Bytes fixed;
  if (!reader.take(8, fixed)) return false;
  const std::size_t len = crypto::load_be16(fixed.data() + 2);
  crypto::Bytes rest;
  if ((fixed[0] != 0 && fixed[0] != 3) || len < 8 || !reader.take(len - 8, rest)) return false;
  out.last = fixed[0] == 0;
  out.type = fixed[4];
  out.id = crypto::load_be16(fixed.data() + 6);
  out.attributes = crypto::ByteReader(rest);
  return true;
}

// RFC 7296 §3.3.5: type/value in four octets, or type/length/value.
bool take_attribute(crypto::ByteReader& reader, std::uint16_t& type, std::uint16_t& value) {
  return reader.be16(type) && reader.be16(value) &&
         ((type & kAttributeFixedForm) != 0 || reader.skip(value));
}

bool check_proposal(ProposalView& proposal) {
  bool last = true;
  for (unsigned i = 0; i < proposal.transform_count; ++i) {
    TransformView transform;
    if (!take_transform(proposal.transforms, transform)) return false;
    last = transform.last;
    if (last != (i + 1u == proposal.transform_count)) return false;
    while (!transform.attributes.at_end()) {
      std::uint16_t type = 0;
      std::uint16_t value = 0;
      if (!take_attribute(transform.attributes, type, value)) return false;
    }
  }
  return proposal.transforms.at_end();
}

// Sets of the algorithms that one proposal offers, one bit each.
enum EncrBit : unsigned { kCbc128 = 1, kCbc256 = 2, kGcm128 = 4, kGcm256 = 8, kChaCha = 16 };

unsigned encr_bit(EncrId encr, unsigned key_bits) {
  switch (encr) {
    case EncrId::aes_cbc:
      return key_bits == 128 ? kCbc128 : key_bits == 256 ? kCbc256 : 0u;
    case EncrId::aes_gcm_16:
      return key_bits == 128 ? kGcm128 : key_bits == 256 ? kGcm256 : 0u;
    case EncrId::chacha20_poly1305:
      return key_bits == 0 ? kChaCha : 0u;
  }
  return 0;
}

constexpr std::pair<EncrId, std::uint16_t> kEncrWithKeyBits[] = {
    {EncrId::aes_cbc, 128},    {EncrId::aes_cbc, 256},         {EncrId::aes_gcm_16, 128},
    {EncrId::aes_gcm_16, 256}, {EncrId::chacha20_poly1305, 0},
};

// Transform ids of PRF, INTEG, KE and ESN are their own bit numbers; larger ids are unknown to us.
std::uint64_t id_bit(unsigned id) { return id < 64 ? std::uint64_t{1} << id : 0; }

struct Offer {
  bool acceptable = false;
  std::uint8_t number = 0;
  unsigned types = 0;  // bit n: transform type n stands in the proposal
  unsigned encr = 0;
  std::uint64_t prf = 0, integ = 0, ke = 0, esn = 0;
  std::array<std::uint64_t, AdditionalKes::kMax> additional{};
  crypto::Bytes spi;
};

constexpr unsigned type_bit(TransformType t) { return 1u << std::to_underlying(t); }
constexpr TransformType addke(std::size_t i) {
  return static_cast<TransformType>(std::to_underlying(TransformType::addke1) + i);
}
static_assert(addke(AdditionalKes::kMax - 1) == TransformType::addke7);

// Key Length in bits, 0 for none. False when another attribute stands there, or two.
bool read_key_length(crypto::ByteReader attributes, unsigned& key_bits) {
  key_bits = 0;
  if (attributes.at_end()) return true;
  std::uint16_t type = 0;
  std::uint16_t value = 0;
  if (!take_attribute(attributes, type, value) || !attributes.at_end()) return false;
  if (type != (kKeyLengthAttribute | kAttributeFixedForm) || value == 0) return false;
  key_bits = value;
  return true;
}

// False when the type is unknown, which spoils the whole proposal (RFC 7296 §3.3.6).
bool add_transform(const TransformView& transform, Offer& offer) {
  if (transform.type < std::to_underlying(TransformType::encr) ||
      transform.type > std::to_underlying(TransformType::addke7))
    return false;
  offer.types |= 1u << transform.type;
  unsigned key_bits = 0;
  if (!read_key_length(transform.attributes, key_bits)) return true;
  const auto type = static_cast<TransformType>(transform.type);
  if (type != TransformType::encr && key_bits != 0) return true;
  switch (type) {
    case TransformType::encr:
      offer.encr |= encr_bit(static_cast<EncrId>(transform.id), key_bits);
      break;
    case TransformType::prf:
      offer.prf |= id_bit(transform.id);
      break;
    case TransformType::integ:
      offer.integ |= id_bit(transform.id);
      break;
    case TransformType::ke:
      offer.ke |= id_bit(transform.id);
      break;
    case TransformType::esn:
      offer.esn |= id_bit(transform.id);
      break;
    case TransformType::addke1:
    case TransformType::addke7:
    default:
      offer.additional[transform.type - std::to_underlying(TransformType::addke1)] |=
          id_bit(transform.id);
      break;
  }
  return true;
}

bool read_offer(ProposalView& proposal, Protocol protocol, Offer& offer) {
  const std::size_t spi_len = proposal.spi.size();
  if (proposal.protocol != std::to_underlying(protocol)) return false;
  if (protocol == Protocol::ike ? spi_len != 0 && spi_len != 8 : spi_len != 4) return false;
  offer.number = proposal.number;
  offer.spi = proposal.spi;
  for (unsigned i = 0; i < proposal.transform_count; ++i) {
    TransformView transform;
    if (!take_transform(proposal.transforms, transform) || !add_transform(transform, offer))
      return false;
  }
  // Types that have no place in this protocol: the answer could not name one transform of each.
  const unsigned misplaced =
      protocol == Protocol::ike ? type_bit(TransformType::esn) : type_bit(TransformType::prf);
  return (offer.types & misplaced) == 0;
}

// An absent type offers what `absent_ok` says.
bool offers(const Offer& offer, TransformType type, std::uint64_t ids, unsigned id,
            bool absent_ok) {
  if ((offer.types & type_bit(type)) == 0) return absent_ok;
  return (ids & id_bit(id)) != 0;
}

bool offers_additional(const Offer& offer, const AdditionalKes& wanted) {
  for (std::size_t i = 0; i < AdditionalKes::kMax; ++i) {
    const KeId ke = wanted.at(i);
    if (!offers(offer, addke(i), offer.additional[i], std::to_underlying(ke), ke == KeId::none))
      return false;
  }
  return true;
}

// Whether the KE transforms of ESP proposals count; those of IKE always do.
enum class EspKe : std::uint8_t { ignored, counted };

bool contains(const Offer& offer, Protocol protocol, EspKe esp_ke, const Suite& suite) {
  if ((offer.encr & encr_bit(suite.encr, suite.key_bits)) == 0) return false;
  if (!offers(offer, TransformType::integ, offer.integ, std::to_underlying(suite.integ),
              suite.integ == IntegId::none))
    return false;
  const bool ke = offers(offer, TransformType::ke, offer.ke, std::to_underlying(suite.ke),
                         suite.ke == KeId::none) &&
                  offers_additional(offer, suite.additional);
  if (protocol == Protocol::ike)
    return ke && offers(offer, TransformType::prf, offer.prf, std::to_underlying(suite.prf), false);
  return (ke || esp_ke == EspKe::ignored) &&
         offers(offer, TransformType::esn, offer.esn, suite.esn ? 1 : 0, false);
}

// What a choice is made by, beside the preferences.
struct Rules {
  Protocol protocol = Protocol::ike;
  EspKe esp_ke = EspKe::ignored;
  bool one_group = false;  // only suites with the group `group`
  KeId group = KeId::none;
};

bool choose_by(crypto::Bytes sa_body, const Rules& rules, std::span<const Suite> preference,
               Choice& out) {
  crypto::ByteReader reader(sa_body);
  ProposalView proposal;
  std::size_t best = preference.size();
  for (std::size_t seen = 0; seen < kProposalsMax && take_proposal(reader, proposal); ++seen) {
    Offer offer;
    if (!read_offer(proposal, rules.protocol, offer)) continue;
    // Only a suite that we like better than the best so far changes the choice.
    for (std::size_t i = 0; i < best; ++i) {
      if (rules.one_group && preference[i].ke != rules.group) continue;
      if (!contains(offer, rules.protocol, rules.esp_ke, preference[i])) continue;
      best = i;
      out = {preference[i], offer.number, offer.spi};
      break;
    }
  }
  return best != preference.size();
}

// The id of a set with exactly one member.
bool only_id(std::uint64_t ids, unsigned& id) {
  id = static_cast<unsigned>(std::countr_zero(ids));
  return std::has_single_bit(ids);
}

// The suite of an answer: one transform of each type that stands there.
bool only_suite(const Offer& offer, Protocol protocol, Suite& out) {
  unsigned prf = std::to_underlying(out.prf);
  unsigned integ = 0, ke = 0, esn = 0;
  const auto only = [&offer](TransformType type, std::uint64_t ids, unsigned& id, bool needed) {
    return (offer.types & type_bit(type)) == 0 ? !needed : only_id(ids, id);
  };
  const bool ike = protocol == Protocol::ike;
  if (!std::has_single_bit(offer.encr) || !only(TransformType::prf, offer.prf, prf, ike) ||
      !only(TransformType::integ, offer.integ, integ, false) ||
      !only(TransformType::ke, offer.ke, ke, ike) ||
      !only(TransformType::esn, offer.esn, esn, !ike) || esn > 1)
    return false;
  for (const auto& [encr, key_bits] : kEncrWithKeyBits)
    if (encr_bit(encr, key_bits) == offer.encr) {
      out.encr = encr;
      out.key_bits = key_bits;
    }
  out.prf = static_cast<PrfId>(prf);
  out.integ = static_cast<IntegId>(integ);
  out.ke = static_cast<KeId>(ke);
  out.esn = esn == 1;
  for (std::size_t i = 0; i < AdditionalKes::kMax; ++i) {
    unsigned additional = 0;
    if (!only(addke(i), offer.additional[i], additional, false)) return false;
    out.additional.set(i, static_cast<KeId>(additional));
  }
  return is_supported(out);
}

constexpr Suite esp_suite(EncrId encr, std::uint16_t key_bits, IntegId integ, bool esn) {
  Suite suite;
  suite.encr = encr;
  suite.key_bits = key_bits;
  suite.integ = integ;
  suite.esn = esn;
  return suite;
}

struct Cipher {
  EncrId encr;
  std::uint16_t key_bits;
  IntegId integ;
};
constexpr std::array kCiphers = {
    Cipher{EncrId::aes_gcm_16, 256, IntegId::none},
    Cipher{EncrId::chacha20_poly1305, 0, IntegId::none},
    Cipher{EncrId::aes_gcm_16, 128, IntegId::none},
    Cipher{EncrId::aes_cbc, 256, IntegId::hmac_sha2_512_256},
    Cipher{EncrId::aes_cbc, 256, IntegId::hmac_sha2_384_192},
    Cipher{EncrId::aes_cbc, 256, IntegId::hmac_sha2_256_128},
    Cipher{EncrId::aes_cbc, 128, IntegId::hmac_sha2_256_128},
};
constexpr std::array kPrfs = {PrfId::hmac_sha2_256, PrfId::hmac_sha2_384, PrfId::hmac_sha2_512};
constexpr std::array kKes = {KeId::curve25519, KeId::ecp_256,   KeId::ecp_384,  KeId::ecp_521,
                             KeId::modp_3072,  KeId::modp_4096, KeId::modp_2048};

constexpr auto kEspSuites = [] {
  std::array<Suite, 2 * kCiphers.size()> suites;
  std::size_t n = 0;
  for (const Cipher& c : kCiphers)
    for (const bool esn : {true, false}) suites[n++] = esp_suite(c.encr, c.key_bits, c.integ, esn);
  return suites;
}();

constexpr auto kIkeSuites = [] {
  std::array<Suite, kCiphers.size() * kKes.size() * kPrfs.size()> suites;
  std::size_t n = 0;
  for (const Cipher& c : kCiphers)
    for (const KeId ke : kKes)
      for (const PrfId prf : kPrfs)
        suites[n++] = Suite{c.encr, c.key_bits, prf, c.integ, ke, false};
  return suites;
}();

}  // namespace

ParseError check_sa(crypto::Bytes sa_body) {
  crypto::ByteReader reader(sa_body);
  for (std::size_t i = 0; i < kProposalsMax; ++i) {
    ProposalView proposal;
    if (!take_proposal(reader, proposal) || !check_proposal(proposal) ||
        proposal.last != reader.at_end())
      return ParseError::bad_proposal;
    if (proposal.last) return ParseError::none;
  }
  return ParseError::bad_proposal;
}

bool choose(crypto::Bytes sa_body, Protocol protocol, std::span<const Suite> preference,
            Choice& out) {
  return choose_by(sa_body, {.protocol = protocol}, preference, out);
}

bool choose_with_ke(crypto::Bytes sa_body, Protocol protocol, std::span<const Suite> preference,
                    KeId sent, KePolicy policy, Choice& out, bool& ke_fits) {
  Rules rules{.protocol = protocol, .esp_ke = EspKe::counted};
  if (policy == KePolicy::save_round_trip) {
    rules.one_group = true;
    rules.group = sent;
    ke_fits = true;
    if (choose_by(sa_body, rules, preference, out)) return true;
    rules.one_group = false;
  }
  if (!choose_by(sa_body, rules, preference, out)) return false;
  ke_fits = out.suite.ke == sent || out.suite.ke == KeId::none;
  return true;
}

Protocol sa_protocol(crypto::Bytes sa_body) {
  crypto::ByteReader reader(sa_body);
  ProposalView proposal;
  return take_proposal(reader, proposal) ? static_cast<Protocol>(proposal.protocol)
                                         : Protocol::none;
}

ParseError read_chosen(crypto::Bytes sa_body, Protocol protocol, Choice& out) {
  crypto::ByteReader reader(sa_body);
  ProposalView proposal;
  Offer offer;
  out = {};
  if (!take_proposal(reader, proposal) || !proposal.last ||
      !read_offer(proposal, protocol, offer) || !only_suite(offer, protocol, out.suite) ||
      proposal.transform_count != std::popcount(offer.types))
    return ParseError::bad_proposal;
  out.proposal_number = offer.number;
  out.spi = offer.spi;
  return ParseError::none;
}

std::span<const Suite> default_esp_suites() { return kEspSuites; }
std::span<const Suite> default_ike_suites() { return kIkeSuites; }

}  // namespace ike
