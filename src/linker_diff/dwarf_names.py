"""DWARF's numbers of attributes whose values depend on where things are placed (DWARF 5, section 7.5.4; GNU)."""

from __future__ import annotations

ATTRIBUTES = {
    0x02: "location", 0x03: "name", 0x10: "stmt_list", 0x11: "low_pc", 0x12: "high_pc", 0x19: "string_length",
    0x1B: "comp_dir", 0x1C: "const_value", 0x25: "producer", 0x2A: "return_addr", 0x2C: "start_scope",
    0x31: "abstract_origin", 0x38: "data_member_location", 0x40: "frame_base", 0x43: "macro_info", 0x46: "segment",
    0x47: "specification", 0x48: "static_link", 0x49: "type", 0x4A: "use_location", 0x4D: "vtable_elem_location",
    0x52: "entry_pc", 0x55: "ranges", 0x6E: "linkage_name", 0x72: "str_offsets_base", 0x73: "addr_base",
    0x74: "rnglists_base", 0x76: "dwo_name", 0x79: "macros", 0x7D: "call_return_pc", 0x7E: "call_value",
    0x7F: "call_origin", 0x81: "call_pc", 0x82: "call_tail_call", 0x83: "call_target", 0x8C: "loclists_base",
    0x2111: "GNU_call_site_value", 0x2113: "GNU_call_site_target", 0x2119: "GNU_macros", 0x2130: "GNU_dwo_name",
    0x2132: "GNU_ranges_base", 0x2133: "GNU_addr_base", 0x2137: "GNU_locviews",
}  # fmt: skip

# What DW_FORM_sec_offset leads to; a list of locations for all others.
OFFSET_KINDS = {
    0x10: "lines", 0x55: "ranges", 0x2C: "ranges", 0x43: "other", 0x79: "other", 0x2119: "other",
    0x72: "string_offsets", 0x73: "addresses", 0x2133: "other", 0x74: "ranges_base", 0x2132: "other",
    0x8C: "locations_base", 0x2137: "views",
}  # fmt: skip
for _attribute in (0x02, 0x19, 0x2A, 0x38, 0x40, 0x46, 0x48, 0x4A, 0x4D):
    OFFSET_KINDS[_attribute] = "location"
EARLY_OFFSETS = (0x06, 0x07)  # DW_FORM_data4 and data8, which are offsets before DWARF 4 for these attributes
