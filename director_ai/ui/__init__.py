"""Everything the pages share that needs Streamlit: components, state, loaders, forms."""
