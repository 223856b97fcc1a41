"""Files that people hand over: whatever they are wrapped in, their text comes out as UTF-8."""
