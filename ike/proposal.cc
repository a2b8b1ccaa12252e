// SA payloads: one checking walk, one walk that turns each proposal into sets, and the writer.
#include "ike/proposal.h"

#include <array>
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

// Transform ids of PRF, INTEG, KE and ESN are their own bit numbers; larger ids are unknown to us.
std::uint64_t id_bit(unsigned id) { return id < 64 ? std::uint64_t{1} << id : 0; }

struct Offer {
  bool acceptable = false;
  std::uint8_t number = 0;
  unsigned types = 0;  // bit n: transform type n stands in the proposal
  unsigned encr = 0;
  std::uint64_t prf = 0, integ = 0, ke = 0, esn = 0;
  crypto::Bytes spi;
};

constexpr unsigned type_bit(TransformType t) { return 1u << std::to_underlying(t); }

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
      transform.type > std::to_underlying(TransformType::esn))
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

bool contains(const Offer& offer, Protocol protocol, const Suite& suite) {
  if ((offer.encr & encr_bit(suite.encr, suite.key_bits)) == 0) return false;
  if (!offers(offer, TransformType::integ, offer.integ, std::to_underlying(suite.integ),
              suite.integ == IntegId::none))
    return false;
  if (protocol != Protocol::ike)
    return offers(offer, TransformType::esn, offer.esn, suite.esn ? 1 : 0, false);
  return offers(offer, TransformType::prf, offer.prf, std::to_underlying(suite.prf), false) &&
         offers(offer, TransformType::ke, offer.ke, std::to_underlying(suite.ke),
                suite.ke == KeId::none);
}

void write_transform(crypto::ByteWriter& writer, bool last, TransformType type, std::uint16_t id,
                     unsigned key_bits) {
  writer.u8(last ? 0 : 3);
  writer.u8(0);
  writer.be16(key_bits == 0 ? 8 : 12);
  writer.u8(std::to_underlying(type));
  writer.u8(0);
  writer.be16(id);
  if (key_bits == 0) return;
  writer.be16(kKeyLengthAttribute | kAttributeFixedForm);
  writer.be16(static_cast<std::uint16_t>(key_bits));
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
  crypto::ByteReader reader(sa_body);
  ProposalView proposal;
  std::size_t best = preference.size();
  for (std::size_t seen = 0; seen < kProposalsMax && take_proposal(reader, proposal); ++seen) {
    Offer offer;
    if (!read_offer(proposal, protocol, offer)) continue;
    // Only a suite that we like better than the best so far changes the choice.
    for (std::size_t i = 0; i < best; ++i) {
      if (!contains(offer, protocol, preference[i])) continue;
      best = i;
      out = {preference[i], offer.number, offer.spi};
      break;
    }
  }
  return best != preference.size();
}

void write_sa(ChainBuilder& chain, Protocol protocol, std::uint8_t proposal_number,
              const Suite& suite, crypto::Bytes spi) {
  const bool ike = protocol == Protocol::ike;
  const bool has_integ = suite.integ != IntegId::none;
  const bool has_ke = ike && suite.ke != KeId::none;
  const int transforms = 2 + has_integ + has_ke;
  const std::size_t len =
      8 + spi.size() + 8u * static_cast<unsigned>(transforms) + (suite.key_bits == 0 ? 0u : 4u);
  chain.open(PayloadType::sa);
  crypto::ByteWriter& writer = chain.writer();
  writer.be16(0);  // the only proposal; reserved
  writer.be16(static_cast<std::uint16_t>(len));
  writer.u8(proposal_number);
  writer.u8(std::to_underlying(protocol));
  writer.u8(static_cast<std::uint8_t>(spi.size()));
  writer.u8(static_cast<std::uint8_t>(transforms));
  writer.bytes(spi);
  write_transform(writer, false, TransformType::encr, std::to_underlying(suite.encr),
                  suite.key_bits);
  if (ike)
    write_transform(writer, !has_integ && !has_ke, TransformType::prf,
                    std::to_underlying(suite.prf), 0);
  if (has_integ)
    write_transform(writer, ike && !has_ke, TransformType::integ, std::to_underlying(suite.integ),
                    0);
  if (has_ke) write_transform(writer, true, TransformType::ke, std::to_underlying(suite.ke), 0);
  if (!ike) write_transform(writer, true, TransformType::esn, suite.esn ? 1 : 0, 0);
  chain.close();
}

std::span<const Suite> default_esp_suites() { return kEspSuites; }
std::span<const Suite> default_ike_suites() { return kIkeSuites; }

}  // namespace ike
