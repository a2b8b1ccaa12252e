// Writing SA payloads: the answer of a responder, and an offer of many suites in few proposals.
#include <algorithm>
#include <array>
#include <utility>

#include "ike/proposal.h"

namespace ike {
namespace {

constexpr std::uint16_t kKeyLengthTv = 0x800e;  // Key Length in the fixed form (RFC 7296 §3.3.5)

// A set in the order of preference. `add` is false when there is no room.
template <class T, std::size_t N>
struct Few {
  std::array<T, N> items{};
  std::size_t count = 0;

  bool operator==(const Few& other) const { return std::ranges::equal(span(), other.span()); }
  std::span<const T> span() const { return std::span(items).first(count); }
  [[nodiscard]] bool add(T item) {
    if (std::ranges::find(span(), item) != span().end()) return true;
    if (count == N) return false;
    items[count++] = item;
    return true;
  }
  [[nodiscard]] bool add_all(const Few& other) {
    return std::ranges::all_of(other.span(), [this](T item) { return add(item); });
  }
};

struct Cipher {
  EncrId encr = EncrId::aes_gcm_16;
  std::uint16_t key_bits = 0;
  bool operator==(const Cipher&) const = default;
};

// A proposal: every combination of its members is offered. IKE has no ESN, ESP no PRF.
struct Group {
  Few<Cipher, 8> ciphers;
  Few<PrfId, 4> prfs;
  Few<IntegId, 4> integs;
  Few<KeId, 16> kes;
  Few<bool, 2> esns;
  AdditionalKes additional;
};

template <class T, std::size_t N>
void set(Few<T, N>& few, T item) {
  few.items[0] = item;
  few.count = 1;
}

Group group_of(Protocol protocol, const Suite& suite) {
  Group group;
  set(group.ciphers, {suite.encr, suite.key_bits});
  set(group.integs, suite.integ);
  set(group.kes, suite.ke);
  group.additional = suite.additional;
  if (protocol == Protocol::ike) {
    set(group.prfs, suite.prf);
  } else {
    set(group.esns, suite.esn);
  }
  return group;
}

// Adds `b` to `a` when the result offers nothing that neither did: they differ in one kind only.
bool join(Group& a, const Group& b) {
  if (a.additional != b.additional) return false;
  const bool same_cipher = a.ciphers == b.ciphers, same_prf = a.prfs == b.prfs,
             same_integ = a.integs == b.integs, same_ke = a.kes == b.kes,
             same_esn = a.esns == b.esns;
  if (same_cipher + same_prf + same_integ + same_ke + same_esn < 4) return false;
  Group joined = a;
  if (!joined.ciphers.add_all(b.ciphers) || !joined.prfs.add_all(b.prfs) ||
      !joined.integs.add_all(b.integs) || !joined.kes.add_all(b.kes) ||
      !joined.esns.add_all(b.esns))
    return false;
  a = joined;
  return true;
}

// Writes the transforms of one proposal and counts them.
class TransformWriter {
 public:
  explicit TransformWriter(crypto::ByteWriter& writer) : writer_(writer) {}

  template <class Id>
  void transform(TransformType type, Id id, unsigned key_bits = 0) {
    last_ = writer_.size();
    ++count_;
    writer_.u8(3);
    writer_.u8(0);
    writer_.be16(key_bits == 0 ? 8 : 12);
    writer_.u8(std::to_underlying(type));
    writer_.u8(0);
    writer_.be16(static_cast<std::uint16_t>(id));
    if (key_bits == 0) return;
    writer_.be16(kKeyLengthTv);
    writer_.be16(static_cast<std::uint16_t>(key_bits));
  }
  // A kind whose only member is none is left out.
  template <class Few>
  void kind(TransformType type, const Few& few) {
    if (few.count == 1 && std::to_underlying(few.items[0]) == 0) return;
    for (const auto id : few.span()) transform(type, id);
  }
  void close() {
    if (writer_.ok()) *writer_.at(last_) = 0;
  }
  std::uint8_t count() const { return count_; }

 private:
  crypto::ByteWriter& writer_;
  std::size_t last_ = 0;
  std::uint8_t count_ = 0;
};

void write_proposal(crypto::ByteWriter& writer, bool last, std::uint8_t number, Protocol protocol,
                    const Group& group, crypto::Bytes spi) {
  const std::size_t at = writer.size();
  writer.be32(last ? 0 : 0x02000000);  // length patched below
  writer.u8(number);
  writer.u8(std::to_underlying(protocol));
  writer.u8(static_cast<std::uint8_t>(spi.size()));
  writer.u8(0);  // count patched below
  writer.bytes(spi);
  TransformWriter transforms(writer);
  for (const Cipher& cipher : group.ciphers.span())
    transforms.transform(TransformType::encr, cipher.encr, cipher.key_bits);
  transforms.kind(TransformType::prf, group.prfs);
  transforms.kind(TransformType::integ, group.integs);
  transforms.kind(TransformType::ke, group.kes);
  for (const bool esn : group.esns.span()) transforms.transform(TransformType::esn, esn ? 1 : 0);
  const AdditionalKes& more = group.additional;
  for (std::size_t i = more.next(0); i < AdditionalKes::kMax; i = more.next(i + 1))
    transforms.transform(static_cast<TransformType>(std::to_underlying(TransformType::addke1) + i),
                         more.at(i));
  transforms.close();
  if (!writer.ok()) return;
  crypto::store_be16(writer.at(at) + 2, static_cast<std::uint16_t>(writer.size() - at));
  *(writer.at(at) + 7) = transforms.count();
}

// Makes the writer fail, as for a full buffer.
void refuse(crypto::ByteWriter& writer) { static_cast<void>(writer.reserve(writer.room() + 1)); }

}  // namespace

void write_sa(ChainBuilder& chain, Protocol protocol, std::uint8_t proposal_number,
              const Suite& suite, crypto::Bytes spi) {
  chain.open(PayloadType::sa);
  write_proposal(chain.writer(), true, proposal_number, protocol, group_of(protocol, suite), spi);
  chain.close();
}

void write_sa_offer(ChainBuilder& chain, Protocol protocol, std::span<const Suite> suites,
                    crypto::Bytes spi) {
  std::array<Group, kOfferSuitesMax> groups;
  std::size_t count = 0;
  if (suites.empty() || suites.size() > kOfferSuitesMax) return refuse(chain.writer());
  for (const Suite& suite : suites) {
    groups[count++] = group_of(protocol, suite);
    while (count > 1 && join(groups[count - 2], groups[count - 1])) --count;
  }
  if (count > kProposalsMax) return refuse(chain.writer());
  chain.open(PayloadType::sa);
  for (std::size_t i = 0; i < count; ++i)
    write_proposal(chain.writer(), i + 1 == count, static_cast<std::uint8_t>(i + 1), protocol,
                   groups[i], spi);
  chain.close();
}

}  // namespace ike
